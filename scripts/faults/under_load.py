"""What an honest validator waits for its blocks beside somebody who is not. Trouble comes from processes of their own, which
yield the processor to the service and to the honest one. With and without trouble in turn, and the medians count: a machine
drifts, and the 99th of a hundred of a few seconds is a matter of chance."""

import collections, json, socket, statistics, subprocess, tempfile, threading, time

from stage import LOAD, Replica
from table import row
from witness import ask, bodies

ROUNDS = 3
SECONDS = 5
WARM_UP = 2
BLOCKS = "/api/v1/validator-data"


def rate(port, path, *arguments, nice=0):
    command = ["nice", "-n", str(nice), LOAD, "rate", "--port", str(port), "--path", path, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def answered(process):
    return json.loads(process.communicate()[0])


def honest(port, token, seconds=SECONDS):
    """200 pulls a second on four connections."""
    return answered(rate(port, BLOCKS, "--header", f"Authorization: Bearer {token}", "--per-second", 200, "--seconds", seconds,
                         "--connections", 4))


def told(rounds):
    """The medians of rounds of honest pulls."""
    failed = sum(count for pulls in rounds for status, count in pulls["statuses"].items() if status != "200")
    p50, p99 = (statistics.median(pulls[name] for pulls in rounds) for name in ("p50_ms", "p99_ms"))
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms" + (f", **{failed} failed**" if failed else "")


def beside(fault, how, trouble, **settings):
    """`trouble(replica, tokens)` makes it and returns a function that ends it and says what it made, and what came back."""
    replica = Replica(None, **settings).up()
    try:
        granted = [ask(replica.base, "POST", "/get-validator-access", body)[1] for body in bodies(2, 2)]
        tokens = [json.loads(grant)["access_token"] for grant in granted]
        honest(replica.port, tokens[0], WARM_UP)
        idle, loaded, answers = [], [], collections.Counter()
        for _ in range(ROUNDS):
            idle.append(honest(replica.port, tokens[0]))
            end = trouble(replica, tokens)
            time.sleep(1)
            loaded.append(honest(replica.port, tokens[0]))
            made, answered_with = end()
            answers.update(answered_with)
        ratio = statistics.median(during["p99_ms"] / before["p99_ms"] for before, during in zip(idle, loaded))
        answers = "".join(f", {count} × {status}" for status, count in sorted(answers.items()))
        pulls = sum(pulls["requests"] for pulls in loaded)
        row(fault, how, f"{made}{answers}; {pulls} honest pulls, 200/s",
            f"honest pulls before: {told(idle)}; during: {told(loaded)}; p99 {ratio:.1f} times", None)
    finally:
        replica.close()


def steadily(path, *arguments):
    """Trouble that is requests, for as long as honest pulls go on."""
    def start(replica, _):
        process = rate(replica.port, path, "--seconds", SECONDS + 2, *arguments, nice=19)
        def end():
            made = answered(process)
            return f"{made['requests'] / made['seconds']:.0f}/s", made["statuses"]
        return end
    return start


def rubbish_body():
    """A signature that is well formed, of the right key, and of another message: it takes a whole verification to refuse it."""
    body = json.loads(bodies(1)[0])
    body["timestamp"] += 1
    file = tempfile.NamedTemporaryFile("w", suffix=".json")
    json.dump(body, file)
    file.flush()
    return file


def rubbish_signatures():
    body = rubbish_body()
    post = steadily("/get-validator-access", "--body", body.name, "--connections", 32)
    beside("rubbish signatures from one address", "as fast as answers come on 32 connections, limits as by default", post,
           LIMIT_ADDRESS_PER_MINUTE="1200")
    beside("rubbish signatures from many addresses", "the same without the limit by address", post)


def noisy_validator():
    def start(replica, tokens):
        arguments = ["--header", f"Authorization: Bearer {tokens[1]}", "--per-second", 1000, "--connections", 32]
        return steadily(BLOCKS, *arguments)(replica, tokens)
    beside("one validator asks 1,000 times a second", "another hotkey's token, no limit", start)


def new_connections():
    beside("2,000 new connections a second", "one request each, to `/livez`",
           steadily("/livez", "--per-second", 2000, "--connections", 64, "--new-connections"))


def held_connections(fault, how, count, head=b"", step=b""):
    def start(replica, _):
        sockets = [socket.create_connection(("127.0.0.1", replica.port), 5) for _ in range(count)]
        stop = threading.Event()
        for one in sockets:
            one.sendall(head)
        def drip():
            while step and not stop.wait(1):
                for one in sockets:
                    try:
                        one.send(step)
                    except OSError:
                        pass
        thread = threading.Thread(target=drip)
        thread.start()
        def end():
            stop.set()
            thread.join()
            for one in sockets:
                one.close()
            return f"{len(sockets)} open", {}
        return end
    beside(fault, how, start)


def idle_connections():
    held_connections("10,000 idle connections", "opened by one process without a limit by address, nothing sent", 10_000)


def dribble():
    held_connections("bodies that dribble", "500 connections, a byte a second", 500,
                     b"POST /get-validator-access HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n{", b" ")


CASES = [rubbish_signatures, noisy_validator, new_connections, idle_connections, dribble]
