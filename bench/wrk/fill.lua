-- BatchWriteItem of 25 new items each, to grow a table fast. Arguments: table, seed, number of keys to choose from.
local common = require "common"
local frame, table_name, keys
setup, done = common.setup, common.done

local function body()
  local first, puts = math.random(0, keys - 26), {}
  for i = 1, 25 do
    puts[i] = '{"PutRequest":{"Item":' .. common.item(first + i) .. "}}"
  end
  return '{"RequestItems":{"' .. table_name .. '":[' .. table.concat(puts, ",") .. "]}}"
end

function init(args)
  table_name, keys = args[1], tonumber(args[3])
  common.seed(tonumber(args[2]), thread_number)
  frame = common.framer("BatchWriteItem", body())
end

function request() return frame(body()) end
