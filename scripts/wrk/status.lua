-- Reports of completed assignments with statistics, every one a new assignment.
--   wrk -s scripts/wrk/status.lua URL/api/v1/assignment-status -- RUN TOKEN...
-- RUN keeps the assignments of two runs apart. The tokens are used in turn.
package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
local report = require("report")

local threads = {}

function setup(thread)
   thread:set("number", #threads)
   table.insert(threads, thread)
end

statuses = {}

local BODY = '{"assignment_id":"%s-%d-%d","status":"completed","statistics":{"total_miners_assigned":40,'
   .. '"responses_received":38,"consensus_achieved":35,"anomalies_detected":2,"total_properties_scraped":9450,'
   .. '"average_response_time_minutes":45,"success_rate":0.95},'
   .. '"consensus_hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}'

local run, heads, sent = nil, {}, 0

function init(args)
   run = args[1]
   for at = 2, #args do
      heads[at - 1] = { ["Authorization"] = "Bearer " .. args[at], ["Content-Type"] = "application/json" }
   end
   assert(#heads > 0, "at least one token")
end

function request()
   sent = sent + 1
   return wrk.format("POST", nil, heads[sent % #heads + 1], BODY:format(run, number, sent))
end

function response(status)
   statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency, _)
   report.print(summary, latency, report.statuses(threads))
end
