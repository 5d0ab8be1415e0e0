-- One resource, over and over:
--   wrk -s scripts/wrk/get.lua URL -- [ENCODING [TOKEN]]
-- ENCODING goes into Accept-Encoding, TOKEN into Authorization; `-` leaves either out.
package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
local report = require("report")

-- Neither request() nor response(): wrk then sends one prepared request and reads no heads, and costs least itself.
function init(args)
   if args[1] and args[1] ~= "-" then
      wrk.headers["Accept-Encoding"] = args[1]
   end
   if args[2] and args[2] ~= "-" then
      wrk.headers["Authorization"] = "Bearer " .. args[2]
   end
end

function done(summary, latency, _)
   report.print(summary, latency)
end
