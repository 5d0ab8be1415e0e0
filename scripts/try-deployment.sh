#!/usr/bin/env bash
# The topology of docker-compose.yml as plain processes: two replicas, nginx with TLS, Postgres, Prometheus.
#
#   RESI_BINARY=target/release/resi-data-api scripts/with-postgres.sh scripts/try-deployment.sh
set -euo pipefail
cd "$(dirname "$0")/.."
: "${RESI_TEST_POSTGRES_URL:?run under scripts/with-postgres.sh}"
for tool in nginx prometheus curl openssl; do
    command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 2; }
done
binary=${RESI_BINARY:-}
if [ -z "$binary" ]; then
    cargo build --release --package resi-data-api
    binary=target/release/resi-data-api
fi

scratch=$(mktemp -d)
children=()
finish() { kill "${children[@]}" 2>/dev/null || true; wait || true; rm -rf "$scratch"; }
trap finish EXIT
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
within() { # SECONDS COMMAND: until it succeeds
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || { echo "gave up: $*" >&2; return 1; }; sleep 0.2; done
}

"$binary" keygen >"$scratch/env"
set -a; . "$scratch/env"; set +a
one=$(port) two=$(port) metrics_one=$(port) metrics_two=$(port) front=$(port) watch=$(port)
for pair in "$one $metrics_one" "$two $metrics_two"; do
    read -r listen metrics <<<"$pair"
    "$binary" serve --port "$listen" --metrics-addr "127.0.0.1:$metrics" --database-url "$RESI_TEST_POSTGRES_URL" \
        --data-dir "$scratch/$listen" --trusted-proxies 127.0.0.0/8 >"$scratch/$listen.log" 2>&1 &
    children+=($!)
    within 30 curl -sf "http://127.0.0.1:$listen/readyz"
done

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$scratch/key" -out "$scratch/crt" -days 1 -subj /CN=localhost 2>/dev/null
sed -e "s#/run/secrets/tls_certificate#$scratch/crt#; s#/run/secrets/tls_key#$scratch/key#" \
    -e "s/api-1:8000/127.0.0.1:$one/; s/api-2:8000/127.0.0.1:$two/; s/listen 443/listen 127.0.0.1:$front/" \
    deploy/nginx.conf >"$scratch/nginx.conf"
nginx -c "$scratch/nginx.conf" -g "daemon off; pid $scratch/nginx.pid;" &
children+=($!)
sed "s/api-1:9100/127.0.0.1:$metrics_one/; s/api-2:9100/127.0.0.1:$metrics_two/; s/15s/1s/g" \
    deploy/prometheus.yml >"$scratch/prometheus.yml"
cp deploy/alerts.yml "$scratch/"
prometheus --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/tsdb" \
    --web.listen-address="127.0.0.1:$watch" >"$scratch/prometheus.log" 2>&1 &
children+=($!)

within 20 curl -skf "https://127.0.0.1:$front/readyz"
echo "nginx answers over TLS: $(curl -sk "https://127.0.0.1:$front/health" | cut -c1-60)…"
scraped() { curl -s "http://127.0.0.1:$watch/api/v1/query?query=sum(up)" | grep -q '"2"'; }
within 30 scraped
echo "Prometheus scrapes both replicas"
# Every series that the dashboard draws, but those that need traffic of a kind, is there.
for name in resi_http_requests_total resi_http_request_duration_seconds_bucket resi_check_ok resi_epoch_index \
    resi_database_connections resi_resident_memory_bytes; do
    there() { curl -s "http://127.0.0.1:$watch/api/v1/query?query=$name" | grep -q '"value"'; }
    within 15 there
done
echo "the dashboard's series are there"
python3 - "$front" <<'PYTHON'
import socket, ssl, sys, time

def status(connection):
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return connection.recv(12)

def connect():
    return ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5))

held = [connect() for _ in range(64)]
for connection in held:
    connection.sendall(b"POST /get-validator-access HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
time.sleep(0.5)
answer = status(connect())
assert answer.endswith(b"429"), answer
for connection in held:
    connection.close()
time.sleep(0.5)
answer = status(connect())
assert answer.endswith(b"200"), answer
PYTHON
echo "beside 64 requests of an address that are under way nginx answers 429, and 200 when they are over"
kill -9 "${children[0]}"
for _ in $(seq 20); do curl -skf "https://127.0.0.1:$front/readyz" >/dev/null; done
echo "20 of 20 reads pass with one replica killed"
