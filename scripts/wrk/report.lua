-- One line of figures for scripts/bench.sh, the same for every script here:
--   figures requests=N seconds=S per_second=R p50_us=P p99_us=P bad=N socket_errors=N
local report = {}

function report.print(summary, latency, bad)
   local seconds = summary.duration / 1e6
   local errors = summary.errors
   io.write(string.format(
      "figures requests=%d seconds=%.3f per_second=%.0f p50_us=%d p99_us=%d bad=%d socket_errors=%d\n",
      summary.requests, seconds, summary.requests / seconds,
      latency:percentile(50), latency:percentile(99), bad,
      errors.connect + errors.read + errors.write + errors.timeout
   ))
end

-- Adds up what the threads counted by status in their global `statuses`, prints it, and returns how many were not 200.
function report.statuses(threads)
   local total, bad = {}, 0
   for _, thread in ipairs(threads) do
      for status, count in pairs(thread:get("statuses")) do
         total[status] = (total[status] or 0) + count
      end
   end
   for status, count in pairs(total) do
      if status ~= 200 then
         bad = bad + count
         io.write(string.format("status %d: %d answers\n", status, count))
      end
   end
   return bad
end

return report
