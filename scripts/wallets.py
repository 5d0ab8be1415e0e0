"""Called by test-wallets.sh: WALLETS SERVICE RESI_VALIDATOR. Ends with 'N passed, N failed'."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from bittensor_wallet import Keyfile, Keypair, Wallet

wallets, service, validator = sys.argv[1:]
PASSWORD = "correct horse"
PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
passed = failed = 0


def check(what, is_right, detail=""):
    global passed, failed
    passed, failed = passed + bool(is_right), failed + (not is_right)
    print(f"{'ok  ' if is_right else 'FAIL'} {what} {'' if is_right else detail}", flush=True)


class Listener(BaseHTTPRequestHandler):
    """Keeps what is sent, and refuses."""

    def do_POST(self):
        self.server.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_error(403)

    def log_message(self, *_):
        pass


listener = HTTPServer(("127.0.0.1", 0), Listener)
listener.heard = []
threading.Thread(target=listener.serve_forever, daemon=True).start()


def command(hotkey, *arguments, url=service, **environment):
    flags = ["--url", url, "--wallet.path", wallets, "--wallet.name", "validator", "--wallet.hotkey", hotkey]
    environment = {**os.environ, **environment}
    return subprocess.run([validator, *flags, *arguments], capture_output=True, text=True, env=environment)


def keyfile(hotkey):
    return Keyfile(os.path.join(wallets, "validator", "hotkeys", hotkey), hotkey)


def make(hotkey):
    """A wallet's hotkey as the package makes it."""
    Wallet(name="validator", hotkey=hotkey, path=wallets).create_new_hotkey(
        n_words=12, use_password=False, overwrite=True, suppress=True)


make("new")
keyfile("uri").set_keypair(Keypair.create_from_uri("//Wallet//test"), encrypt=False, overwrite=True)
keyfile("phrase").set_keypair(Keypair.create_from_mnemonic(PHRASE), encrypt=False, overwrite=True)
make("encrypted")
keyfile("encrypted").encrypt(PASSWORD)

for hotkey in ["new", "uri", "phrase", "encrypted"]:
    environment = {"BT_WALLET_PASSWORD": PASSWORD} if hotkey == "encrypted" else {}
    key = keyfile(hotkey).get_keypair(PASSWORD) if hotkey == "encrypted" else keyfile(hotkey).keypair

    shown = command(hotkey, "wallet", "show", **environment)
    address = json.loads(shown.stdout)["hotkey"] if shown.returncode == 0 else None
    check(f"{hotkey}: the command opens it", address == key.ss58_address, shown.stderr)
    granted = command(hotkey, "access", **environment)
    check(f"{hotkey}: the service accepts what the command signs", granted.returncode == 0, granted.stderr)

    timestamp = int(time.time())
    message = f"api:data:request:{key.ss58_address}:{timestamp}:ZILLOW_SOLD"
    body = {"hotkey": key.ss58_address, "timestamp": timestamp, "sources": "ZILLOW_SOLD",
            "signature": "0x" + bytes(key.sign(message.encode())).hex()}
    try:
        answer = urllib.request.urlopen(f"{service}/get-validator-access", json.dumps(body).encode()).status
    except urllib.error.HTTPError as error:
        answer = error.read()
    check(f"{hotkey}: the service accepts what the package signs", answer == 200, answer)

    command(hotkey, "access", url=f"http://127.0.0.1:{listener.server_port}", **environment)
    sent = json.loads(listener.heard.pop()) if listener.heard else {}
    message = "api:data:request:{hotkey}:{timestamp}:{sources}".format(**sent) if sent else ""
    public = Keypair(ss58_address=key.ss58_address)
    is_right = sent and public.verify(message.encode(), sent["signature"])
    check(f"{hotkey}: the package accepts what the command signs", is_right, sent)

print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
