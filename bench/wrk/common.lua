-- What all load scripts share: the items, the request around a body, and the result as one line of JSON.
-- Every body of a script has the same length, so its whole head is built once.
local common = {}

local ITEM = '{"pk":{"S":"customer#%010d"},"sk":{"S":"order#%010d"},'
  .. '"status":{"S":"%s"},"total":{"N":"%d.25"},"currency":{"S":"EUR"},"paid":{"BOOL":true},'
  .. '"placed":{"S":"2025-03-14T09:26:53Z"},"tags":{"SS":["express","gift","winter"]},'
  .. '"address":{"M":{"street":{"S":"Untere Donaustrasse 11"},"city":{"S":"Wien"},"zip":{"S":"1020"}}},'
  .. '"lines":{"L":[{"M":{"sku":{"S":"A-100-%06d"},"count":{"N":"3"}}},{"M":{"sku":{"S":"B-200-%06d"},"count":{"N":"1"}}}]},'
  .. '"note":{"S":"please leave the parcel with the neighbour on the second floor, %012d"}}'
local STATUS = { "placed", "packed", "posted", "landed" }

common.KEY = '{"pk":{"S":"customer#%010d"},"sk":{"S":"order#%010d"}}'

function common.item(id)
  local random = math.random
  return string.format(ITEM, id, id, STATUS[random(4)], random(1000, 9999), random(0, 999999), random(0, 999999),
    random(0, 999999999))
end

-- Threads get different numbers; the seed differs from run to run.
local threads = 0
function common.setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

function common.seed(seed, thread_number)
  math.randomseed(seed * 64 + thread_number)
  for _ = 1, 10 do math.random() end
end

-- A function from body to request bytes, for bodies as long as `sample`.
function common.framer(target, sample)
  local head = table.concat({
    "POST / HTTP/1.1",
    "Host: " .. wrk.host .. ":" .. wrk.port,
    "Content-Type: application/x-amz-json-1.0",
    "X-Amz-Target: DynamoDB_20120810." .. target,
    "X-Amz-Date: 20250314T092653Z",
    "Authorization: AWS4-HMAC-SHA256 Credential=bench/20250314/us-east-1/dynamodb/aws4_request, "
      .. "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" .. string.rep("0", 64),
    "Content-Length: " .. #sample,
    "", "",
  }, "\r\n")
  return function(body) return head .. body end
end

function common.done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"bytes":%d,"duration_us":%d,"refused":%d,"broken":%d,"timeouts":%d,'
      .. '"mean_us":%.1f,"p50_us":%d,"p90_us":%d,"p99_us":%d,"p999_us":%d,"max_us":%d}\n',
    summary.requests, summary.bytes, summary.duration, errors.status, errors.connect + errors.read + errors.write, errors.timeout,
    latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9),
    latency.max))
end

return common
