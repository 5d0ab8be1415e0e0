"""Load that remembers what was acknowledged, and looks afterwards whether it is still there."""

import collections, http.client, json, os, subprocess, tempfile, threading, time, urllib.parse

from stage import LOAD

HOTKEYS = 20


def bodies(count, hotkeys=HOTKEYS):
    handle, path = tempfile.mkstemp()
    os.close(handle)
    subprocess.run([LOAD, "bodies", "--count", str(count), "--hotkeys", str(hotkeys), "--out", path], check=True,
                   stdout=subprocess.DEVNULL)
    with open(path) as lines:
        found = lines.read().splitlines()
    os.unlink(path)
    return found


def ask(base, method, path, body=None, token=None, timeout=15):
    address = urllib.parse.urlparse(base)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, b""
    finally:
        connection.close()


class Witness:
    def __init__(self, bases, workers=6):
        self.bases, self.workers = bases, workers
        self.tokens = []
        for body in bodies(HOTKEYS):
            status, answer = ask(bases[0], "POST", "/get-validator-access", body)
            assert status == 200, (status, answer)
            self.tokens.append(json.loads(answer)["access_token"])
        self.fresh = collections.deque(bodies(20_000))
        self.reports, self.grants = [], collections.Counter()
        self.seen = collections.defaultdict(collections.Counter)
        self.slowest = 0.0
        self.stopped, self.lock = threading.Event(), threading.Lock()

    def __enter__(self):
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(self.workers)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def note(self, kind, status, began):
        with self.lock:
            self.seen[kind][status] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

    def work(self, number):
        turn = 0
        while not self.stopped.is_set():
            turn += 1
            base, token = self.bases[(number + turn) % len(self.bases)], (number * 7 + turn) % HOTKEYS
            name = f"w{number}-{turn}"
            began = time.monotonic()
            status, _ = ask(base, "POST", "/api/v1/assignment-status",
                            json.dumps({"assignment_id": name, "status": "completed"}), self.tokens[token])
            self.note("report", status, began)
            if status == 200:
                with self.lock:
                    self.reports.append((token, name))
            began = time.monotonic()
            self.note("pull", ask(base, "GET", "/api/v1/validator-data", token=self.tokens[token])[0], began)
            body = None
            with self.lock:
                if self.fresh:
                    body = self.fresh.popleft()
            # Twice, at two replicas where there are two: one grant at most may come of it.
            for again in range(2 if body else 0):
                began = time.monotonic()
                status, _ = ask(self.bases[(number + turn + again) % len(self.bases)], "POST", "/get-validator-access", body)
                self.note("grant", status, began)
                if status == 200:
                    with self.lock:
                        self.grants[body] += 1
            time.sleep(0.005)

    def check(self, base):
        """(reports acknowledged but missing, signatures granted twice), the second after sending every one again."""
        assert self.fresh, "the signatures were used up before the end"
        missing = sum(self.sure(base, "GET", f"/api/v1/assignments/{name}", token=self.tokens[token]) != 200
                      for token, name in self.reports)
        for body in list(self.grants):
            if self.sure(base, "POST", "/get-validator-access", body) == 200:
                self.grants[body] += 1
        return missing, sum(count > 1 for count in self.grants.values())

    @staticmethod
    def sure(*arguments, **more):
        """An answer that says yes or no: what does not answer may still be there."""
        for _ in range(5):
            status, _ = ask(*arguments, **more)
            if status in (200, 401, 404):
                return status
        raise RuntimeError(f"{arguments[2]}: {status} again and again")

    def told(self):
        return "; ".join(f"{kind}: " + ", ".join(f"{count} × {status}" for status, count in sorted(seen.items(), key=str))
                         for kind, seen in sorted(self.seen.items())) + f"; slowest {self.slowest:.1f} s"
