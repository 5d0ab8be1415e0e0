-- Reports of completed assignments with statistics, every one a new assignment.
--   wrk -s scripts/wrk/status.lua URL/api/v1/assignment-status -- RUN TOKEN...
-- RUN keeps the assignments of two runs apart. The tokens are used in turn.
package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
local report = require("report")

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

local BODY = '{"assignment_id":"%s-%d-@@@@@@@@","status":"completed","statistics":{"total_miners_assigned":40,'
   .. '"responses_received":38,"consensus_achieved":35,"anomalies_detected":2,"total_properties_scraped":9450,'
   .. '"average_response_time_minutes":45,"success_rate":0.95},'
   .. '"consensus_hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}'

-- Requests differ in one number only, so that making them takes little from the processors that are measured.
local before, after, sent = {}, nil, 0

function init(args)
   for at = 2, #args do
      local head = { ["Authorization"] = "Bearer " .. args[at], ["Content-Type"] = "application/json" }
      local request = wrk.format("POST", nil, head, BODY:format(args[1], number))
      before[at - 1], after = request:match("^(.-)@+(.*)$")
   end
   assert(#before > 0, "at least one token")
end

function request()
   sent = sent + 1
   return before[sent % #before + 1] .. string.format("%08d", sent) .. after
end

function done(summary, latency, _)
   report.print(summary, latency)
end
