-- PutItem of new items. Arguments: table, seed, number of keys to choose from.
local common = require "common"
local frame, table_name, keys
setup, done = common.setup, common.done

local function body()
  return '{"TableName":"' .. table_name .. '","Item":' .. common.item(math.random(0, keys - 1)) .. "}"
end

function init(args)
  table_name, keys = args[1], tonumber(args[3])
  common.seed(tonumber(args[2]), thread_number)
  frame = common.framer("PutItem", body())
end

function request() return frame(body()) end
