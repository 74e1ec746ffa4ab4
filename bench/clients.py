"""HTTP clients: how many requests a second they send to the C floor, some at a time."""

from bench import machine, programs
from bench.peers import BY_NAME, Peer
from bench.results import Result, Run
from bench.servers import PeerFailed, Server


def measure(run: Run, workload: str, chosen: list[Peer], rounds: int) -> None:
    """Run each peer's client in turn, `rounds` times, against one server on the load's core."""
    with Server(BY_NAME["floor"], core=machine.LOAD_CORE) as server:
        run.results += [Result(workload, peer.name, "fetches/s") for peer in chosen]
        for _ in range(rounds):
            for peer in chosen:
                result = run.result(workload, peer.name)
                if result is None:
                    continue
                words = [part.format(port=server.port, seconds=run.seconds) for part in peer.programs[workload]]
                before = machine.core_times()
                try:
                    value = programs.rate(words, machine.SERVER_CORE, peer.environment, run.seconds)
                except PeerFailed as error:
                    run.fail(workload, peer.name, str(error))
                else:
                    result.rounds.append({"value": round(value, 1), "busy": machine.busy_since(before)})
