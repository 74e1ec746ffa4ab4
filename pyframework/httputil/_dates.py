"""Dates as HTTP writes them (RFC 9110 section 5.6.7)."""

import calendar
import datetime
import time
from email.utils import formatdate


def format_timestamp(ts: int | float | tuple[int, ...] | time.struct_time | datetime.datetime) -> str:
    """Write a time as `Sun, 27 Jan 2013 18:43:20 GMT`.

    :arg ts: seconds since the epoch, a tuple in UTC as of `time.gmtime`, or a datetime; one without zone is in UTC

    Raises TypeError for anything else.
    """
    if isinstance(ts, datetime.datetime):
        ts = calendar.timegm(ts.utctimetuple())
    elif isinstance(ts, (tuple, time.struct_time)):
        ts = calendar.timegm(ts)
    elif not isinstance(ts, (int, float)):
        raise TypeError(f"unknown timestamp type: {ts!r}")
    return formatdate(ts, usegmt=True)
