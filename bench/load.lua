-- Drives wrk: one request, laid out once and sent as it is (DEPTH times in a row for pipelining).
-- Arguments after the URL: METHOD DEPTH BODY_FILE (a dash for no body). Prints one line "result {...}" at the end.
function init(args)
   wrk.method = args[1]
   local depth = tonumber(args[2])
   if args[3] ~= "-" then
      local file = assert(io.open(args[3], "rb"))
      wrk.body = file:read("*a")
      file:close()
   end
   local format = wrk.format
   wrk.format = function(...) return format(...):rep(depth) end
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      'result {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
