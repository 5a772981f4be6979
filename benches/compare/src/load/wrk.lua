-- Pipelines as many requests as the first argument says, and prints one line
-- for wrk.rs: requests, microseconds, errors; then microseconds of latency: the
-- longest, and one for each percentile in the arguments that follow.

local worker

function setup(thread)
   worker = thread
end

function init(args)
   local batch = string.rep(wrk.format(), tonumber(args[1]) or 1)
   -- Not `request`, which wrk would call for every batch.
   wrk.format = function() return batch end
   percentiles = table.concat(args, " ", 2) -- a global, for `done`
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format("compare: %d %d %d %d", summary.requests, summary.duration,
      e.connect + e.read + e.write + e.status + e.timeout, latency.max))
   for percentile in worker:get("percentiles"):gmatch("%S+") do
      io.write(string.format(" %d", latency:percentile(tonumber(percentile))))
   end
   io.write("\n")
end
