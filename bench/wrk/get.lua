-- GetItem of items that exist. Arguments: table, seed, number of items that were loaded.
local common = require "common"
local frame, table_name, keys
setup, done = common.setup, common.done

local function body()
  local id = math.random(0, keys - 1)
  return '{"TableName":"' .. table_name .. '","Key":' .. string.format(common.KEY, id, id) .. "}"
end

function init(args)
  table_name, keys = args[1], tonumber(args[3])
  common.seed(tonumber(args[2]), thread_number)
  frame = common.framer("GetItem", body())
end

function request() return frame(body()) end
