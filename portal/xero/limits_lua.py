"""The limiter's two atomic steps, as Redis runs them (Redis 6.2 or newer, Valkey). Times are seconds as
numbers.

One organisation has three keys: `m` grants of the last minute (sorted by time), `s` the open slots (sorted
by the end of their lease), `h` what is known. `a` (grants) and `ah` (what is known) are the whole app's.

`others` of `h` are the calls of this minute that Xero counts and `m` does not know: those made without Redis, or
before it lost everything. Our own are never learnt from a header: they would be counted twice while they are open.
"""

_COMMON = """
local m, s, h, a, ah = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, now = ARGV[1], tonumber(ARGV[2])
if now == nil or now == 0 then
  local t = redis.call('TIME')
  now = tonumber(t[1]) + tonumber(t[2]) / 1000000
end
local function num(key, name) return tonumber(redis.call('HGET', key, name) or '') end
local function set(key, name, value) redis.call('HSET', key, name, string.format('%.6f', value)) end
local function add(key, name, value)
  local old = num(key, name)
  if old then set(key, name, old + value) end
end
local function expire(key, name, at)
  local till = num(key, at)
  if till and till <= now then redis.call('HDEL', key, name, at) end
end
redis.call('ZREMRANGEBYSCORE', s, '-inf', now)
expire(h, 'others', 'others_until')
expire(ah, 'app_left', 'app_until')
local day_until = num(h, 'day_until')
if day_until and day_until <= now then
  redis.call('HDEL', h, 'day_left', 'day_until', 'day_sure', 'day_probe', 'seen')
end
"""

# ARGV: token, now, minute limit, slots, app limit, lease, guard, percent of the day that must stay
ACQUIRE = (
    _COMMON
    + """
local limit, slots, app_limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local lease, span = tonumber(ARGV[6]), 60 + tonumber(ARGV[7])
local percent = tonumber(ARGV[8])
local function no(wait, reason) return {0, string.format('%.3f', math.max(wait, 0.05)), reason} end

local blocked = num(h, 'blocked_until')
if blocked and blocked > now then
  return no(blocked - now, redis.call('HGET', h, 'blocked_by') or 'blocked')
end
local app_blocked = num(ah, 'blocked_until')
if app_blocked and app_blocked > now then return no(app_blocked - now, 'app') end

local day_left = num(h, 'day_left')
local reserve = math.ceil((num(h, 'day_limit') or 1000) * percent / 100)
local probing = false
if day_left and day_left <= reserve then
  local till = num(h, 'day_until') or (now + 86400)
  local probe = num(h, 'day_probe') or 0
  if day_left <= 0 or num(h, 'day_sure') or probe > now then
    local wait = till - now
    if day_left > 0 and not num(h, 'day_sure') then wait = math.min(wait, probe - now) end
    return no(wait, 'day')
  end
  probing = true
end

redis.call('ZREMRANGEBYSCORE', m, '-inf', now - span)
local others = num(h, 'others') or 0
if redis.call('ZCARD', m) + others >= limit then
  local first = redis.call('ZRANGE', m, 0, 0, 'WITHSCORES')
  local next_one = tonumber(first[2] or now + 60) + span
  if others > 0 then next_one = math.min(next_one, num(h, 'others_until')) end
  return no(next_one - now, 'minute')
end

local open = redis.call('ZCARD', s)
local fewer = num(h, 'fewer_until')
if fewer and fewer > now then slots = math.max(1, slots - 1) end
if not redis.call('HGET', h, 'seen') then slots = 1 end
if open >= slots then return no(0.25, 'slots') end

redis.call('ZREMRANGEBYSCORE', a, '-inf', now - span)
if redis.call('ZCARD', a) >= app_limit then
  local first = redis.call('ZRANGE', a, 0, 0, 'WITHSCORES')
  return no(tonumber(first[2]) + span - now, 'app')
end
local app_left = num(ah, 'app_left')
if app_left and app_left <= 0 then return no(num(ah, 'app_until') - now, 'app') end

redis.call('ZADD', m, now, token)
redis.call('ZADD', a, now, token)
redis.call('ZADD', s, now + lease, token)
add(h, 'day_left', -1)
add(ah, 'app_left', -1)
if probing then set(h, 'day_probe', now + 3600) end
redis.call('EXPIRE', m, 180)
redis.call('EXPIRE', a, 180)
redis.call('EXPIRE', s, 600)
return {1, '0', ''}
"""
)

# ARGV: token, now, sent, minute left, day left, app left, throttled by, retry after ('' unknown), minute limit, slots
RELEASE = (
    _COMMON
    + """
local sent, minute, day, app = ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local problem, wait = ARGV[7], tonumber(ARGV[8])
local limit, in_the_air = tonumber(ARGV[9]), tonumber(ARGV[10]) - 1
local held = redis.call('ZREM', s, token)
if not sent then
  if redis.call('ZREM', m, token) == 1 then
    add(h, 'day_left', 1)
    add(ah, 'app_left', 1)
  end
  redis.call('ZREM', a, token)
  return 1
end
redis.call('HSET', h, 'seen', '1')
local open = redis.call('ZCARD', s)

if minute then
  -- Of ours Xero has counted this call and those before it, but for what was in the air with it; perhaps all.
  local since = '(' .. string.format('%.6f', now - 61)
  local mine = redis.call('ZSCORE', m, token)
  local before = mine and redis.call('ZCOUNT', m, since, '(' .. mine) or 0
  local surely = 1 + math.max(before - in_the_air, 0)
  local least = limit - minute - redis.call('ZCOUNT', m, since, '+inf')
  local most = math.max(limit - minute - surely, 0)
  local others = num(h, 'others') or 0
  if least > others then
    set(h, 'others', most)
    set(h, 'others_until', now + 61)
  elseif most < others then
    set(h, 'others', most)
  end
end
if app then
  local known, left = num(ah, 'app_left'), math.max(app - 64, 0)
  if known == nil or left > known + 10 then
    set(ah, 'app_left', left)
    set(ah, 'app_until', now + 61)
  elseif left < known then
    set(ah, 'app_left', left)
  end
end
if day then
  local known, left = num(h, 'day_left'), math.max(day - open, 0)
  if known == nil or left > known + 30 then
    set(h, 'day_left', left)
    set(h, 'day_until', now + 86400)
    redis.call('HDEL', h, 'day_sure', 'day_probe')
  elseif left < known then
    set(h, 'day_left', left)
  end
  local whole = num(h, 'day_limit') or 0
  if day >= 1000 then
    whole = math.max(whole, 5000)
  elseif day >= 900 and known and left > known + 30 then
    whole = 1000
  end
  if whole > 0 then set(h, 'day_limit', whole) end
end

local function block(key, till, by)
  if till > (num(key, 'blocked_until') or 0) then
    set(key, 'blocked_until', till)
    redis.call('HSET', key, 'blocked_by', by)
  end
end
if problem == 'day' then
  local till = now + (wait or 3600)
  set(h, 'day_left', 0)
  set(h, 'day_until', till)
  if wait then set(h, 'day_sure', 1) end
  block(h, till, 'day')
elseif problem == 'minute' then
  block(h, now + (wait or 60), 'minute')
elseif problem == 'concurrent' then
  block(h, now + 1, 'slots')
  set(h, 'fewer_until', now + 60)
elseif problem == 'appminute' then
  block(ah, now + (wait or 60), 'app')
elseif problem == 'busy' and wait then
  block(h, now + wait, 'blocked')
end
redis.call('EXPIRE', h, 172800)
redis.call('EXPIRE', ah, 3600)
return held
"""
)

# ARGV: token, now, holder, its present token's beginning, seconds: older calls of this holder free their slots then
RECLAIM = (
    _COMMON
    + """
local holder, present, soon = ARGV[3], ARGV[4], now + tonumber(ARGV[5])
local freed = 0
local open = redis.call('ZRANGE', s, 0, -1, 'WITHSCORES')
for i = 1, #open, 2 do
  local name, till = open[i], tonumber(open[i + 1])
  local old = name:sub(1, #holder) == holder and name:sub(1, #present) ~= present
  if old and till > soon then
    redis.call('ZADD', s, soon, name)
    freed = freed + 1
  end
end
return freed
"""
)

# What is known, without changing it: minute used, slots open, used by others, day left, day limit, day until
LEFT = (
    _COMMON
    + """
local span = 60 + tonumber(ARGV[3])
local function get(name) return redis.call('HGET', h, name) or '' end
return {
  redis.call('ZCOUNT', m, '(' .. string.format('%.6f', now - span), '+inf'), redis.call('ZCARD', s),
  get('others'), get('day_left'), get('day_limit'), get('day_until')
}
"""
)
