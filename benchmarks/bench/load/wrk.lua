-- Replays a workload file (see bench/workload.py) and prints one line of JSON when done.
-- Arguments after "--": the file, and the first number for new ISBNs.

local PLACE = "NEWISBN_PLACE"
local calls, position, number = {}, 0, 0

function init(args)
  number = tonumber(args[2])
  for line in io.lines(args[1]) do
    local method, path, token, body = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
    local headers = {}
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    if body ~= "" then headers["Content-Type"] = "application/json" end
    local bytes = wrk.format(method, path, headers, body ~= "" and body or nil)
    -- Cut at the place of the ISBN once, so that replaying is one concatenation.
    local first, last = bytes:find(PLACE, 1, true)
    if first then
      calls[#calls + 1] = { bytes:sub(1, first - 1), bytes:sub(last + 1) }
    else
      calls[#calls + 1] = bytes
    end
  end
end

function request()
  position = position % #calls + 1
  local call = calls[position]
  if type(call) == "string" then return call end
  number = number + 1
  return call[1] .. string.format("979%010d", number) .. call[2]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
