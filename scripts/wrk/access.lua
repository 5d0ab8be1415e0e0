-- Signed bodies from a file, one a line, none sent twice: each thread reads a share of its own.
--   wrk -t THREADS -s scripts/wrk/access.lua URL/get-validator-access -- FILE THREADS
package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
local report = require("report")

local threads = {}

function setup(thread)
   thread:set("number", #threads)
   table.insert(threads, thread)
end

exhausted = false

local file, position, past

function init(args)
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/json"
   file = assert(io.open(args[1], "r"))
   local size, count = file:seek("end"), tonumber(args[2])
   -- A share is the lines that begin in it; the line that begins before it is of the share before.
   position, past = math.floor(size * number / count), math.floor(size * (number + 1) / count)
   if position > 0 then
      file:seek("set", position - 1)
      position = position + #file:read("*l")
   else
      file:seek("set", 0)
   end
end

function request()
   local body = position < past and file:read("*l")
   if not body then
      exhausted = true
      wrk.thread:stop()
      return wrk.format("GET", "/livez", {}, "")
   end
   position = position + #body + 1
   return wrk.format(nil, nil, nil, body)
end

function done(summary, latency, _)
   for _, thread in ipairs(threads) do
      if thread:get("exhausted") then
         io.write("a thread ran out of bodies before its time\n")
      end
   end
   report.print(summary, latency)
end
