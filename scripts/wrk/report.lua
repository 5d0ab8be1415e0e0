-- One line of figures for scripts/bench.sh, the same for every script here:
--   figures requests=N seconds=S per_second=R p50_us=P p99_us=P bad=N socket_errors=N
-- wrk counts answers of status 400 and above by itself; a function for each answer would cost as much as the request.
local report = {}

function report.print(summary, latency)
   local seconds = summary.duration / 1e6
   local errors = summary.errors
   io.write(string.format(
      "figures requests=%d seconds=%.3f per_second=%.0f p50_us=%d p99_us=%d bad=%d socket_errors=%d\n",
      summary.requests, seconds, summary.requests / seconds,
      latency:percentile(50), latency:percentile(99), errors.status,
      errors.connect + errors.read + errors.write + errors.timeout
   ))
end

return report
