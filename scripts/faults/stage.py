"""Processes that a fault is made in: Postgres, replicas, nginx, a forwarder that can be switched. Loopback only."""

import glob, os, shutil, signal, socket, subprocess, tempfile, threading, time, urllib.request

BINARY = os.environ["RESI_BINARY"]
LOAD = os.environ["RESI_LOAD"]
NEWER = os.environ.get("RESI_NEWER")
FAIL_TIMEOUT = 2
KEYS = {"ROTATION_KEY": "11" * 32, "JWT_KEYS": "a:" + "22" * 32}
NO_LIMITS = {f"LIMIT_{name}": "0" for name in ("ACCESS_PER_MINUTE", "REQUESTS_PER_HOUR", "REPORTS_PER_HOUR",
             "ASSIGNMENTS_PER_EPOCH", "STATISTICS_PER_HOUR", "ADDRESS_PER_MINUTE", "CONNECTIONS_PER_ADDRESS")}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url, timeout=3):
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


class Postgres:
    """A throw-away cluster; Postgres refuses to run as root, so its files belong to `postgres`."""

    def __init__(self, folder=None, connections=100, of=None):
        self.folder = folder or tempfile.mkdtemp(prefix="resi-fault-pg.")
        self.port, self.connections = free_port(), connections
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        shutil.chown(self.folder, "postgres")
        if of:
            self.run("pg_basebackup", "-D", "data", "-R", "-X", "stream", "-c", "fast", "-d", of.url())
        else:
            self.run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def standby(self):
        """A server that follows this one, which from now on acknowledges only what that one has too."""
        standby = Postgres(connections=self.connections, of=self)
        self.sql("alter system set synchronous_standby_names = '*'")
        self.sql("select pg_reload_conf()")
        return standby

    def promote(self):
        self.run("pg_ctl", "promote", "-D", "data", "-w", "-s")

    def run(self, tool, *arguments):
        subprocess.run([f"{self.bin}/{tool}", *arguments], cwd=self.folder, check=True, user="postgres", group="postgres",
                       env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self.run("pg_ctl", "start", "-D", "data", "-w", "-s", "-l", "data/log", "-o",
                 f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections={self.connections}")

    def stop(self, how="fast"):
        self.run("pg_ctl", "stop", "-D", "data", "-m", how, "-s")

    def restart(self):
        self.stop()
        self.start()

    def kill(self):
        with open(f"{self.folder}/data/postmaster.pid") as pid:
            os.kill(int(pid.readline()), signal.SIGKILL)
        time.sleep(0.5)

    def url(self, port=None):
        return f"postgres://postgres@127.0.0.1:{port or self.port}/postgres"

    def sql(self, text):
        return subprocess.run(["psql", "-qAt", self.url(), "-c", text], capture_output=True, text=True).stdout.strip()

    def close(self):
        try:
            self.stop("immediate")
        except subprocess.CalledProcessError:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)


class Replica:
    def __init__(self, database, data_dir=None, wrap=(), **settings):
        self.port, self.data = free_port(), data_dir or tempfile.mkdtemp(prefix="resi-fault.")
        self.start(BINARY, database, wrap, settings)

    def start(self, binary, database, wrap, settings):
        self.arguments = database, wrap, settings
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = open(f"{tempfile.mkdtemp(prefix='resi-fault-log.')}/log", "w+")
        keys = KEYS if database else {}
        command = [*wrap, binary, "serve", "--port", str(self.port), "--data-dir", self.data, "--drain-seconds", "1"]
        command += ["--database-url", database] if database else []
        self.process = subprocess.Popen(command, env={**os.environ, **NO_LIMITS, **keys, **settings},
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def again(self, binary):
        """The same replica after its end, of that binary."""
        self.start(binary, *self.arguments)
        return self

    def ready(self):
        return get(f"{self.base}/readyz")[0] == 200

    def up(self):
        assert wait_for(self.ready), self.tail()
        return self

    def tail(self):
        self.log.flush()
        with open(self.log.name) as lines:
            return lines.read()[-600:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class Nginx:
    """In front of replicas, as deploy/nginx.conf is: only what is safe to repeat is tried elsewhere."""

    def __init__(self, ports):
        self.port, self.folder = free_port(), tempfile.mkdtemp(prefix="resi-fault-nginx.")
        servers = "".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout={FAIL_TIMEOUT}s;" for port in ports)
        with open(f"{self.folder}/nginx.conf", "w") as conf:
            conf.write(f"""daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log; worker_processes 1;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {self.folder}; proxy_temp_path {self.folder}; fastcgi_temp_path {self.folder};
uwsgi_temp_path {self.folder}; scgi_temp_path {self.folder};
upstream resi {{ {servers} keepalive 32; }}
server {{ listen 127.0.0.1:{self.port}; location / {{ proxy_pass http://resi; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_connect_timeout 1s; proxy_next_upstream error timeout; }} }} }}""")
        self.process = subprocess.Popen(["nginx", "-e", f"{self.folder}/error.log", "-c", f"{self.folder}/nginx.conf"])
        self.base = f"http://127.0.0.1:{self.port}"

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Forwarder:
    """A TCP address whose other end can be switched. What is open then is cut, or goes silent: as when a machine is gone."""

    def __init__(self, target):
        self.target, self.open, self.silenced = target, [], set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 1)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.open += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, source, sink):
        try:
            while (data := source.recv(65536)) and source not in self.silenced:
                sink.sendall(data)
        except OSError:
            pass
        if source in self.silenced:
            return
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def silence(self, target):
        self.target = target
        self.silenced.update(self.open)
        self.open = []

    def switch(self, target):
        self.target = target
        for end in self.open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    def close(self):
        self.listener.close()
