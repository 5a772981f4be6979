-- Pipelines as many requests as the first argument says, and prints one line
-- for wrk.rs: requests, then microseconds (elapsed, p50, p99, max), then errors.

function init(args)
   local batch = string.rep(wrk.format(), tonumber(args[1]) or 1)
   -- Not `request`, which wrk would call for every batch.
   wrk.format = function() return batch end
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format("compare: %d %d %d %d %d %d\n",
      summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(99), latency.max,
      e.connect + e.read + e.write + e.status + e.timeout))
end
