/**
 * How many living tokens a token may have below it: those that it created, those that these created, and so on. A new
 * token takes its room from all tokens above it. So creating admins gains nobody room, and revoking or expiring frees
 * it.
 *
 * - `ROOT_TOKEN` has no bound, so it can always create tokens.
 * - Each level has a tenth of the room of the level above. So one token can't use up the room of the token that created
 *   it, or of the tokens beside it. Nine of them together can use up what those beside them have.
 * - The last tenth of a token's room is for the tokens that it creates itself, so those below can't use it up together.
 */

import { TOKENS_MAX_BELOW } from "../base/limits.ts";
import { isLiving } from "./asker.ts";

const LEVELS = TOKENS_MAX_BELOW.map((room, level) => `(${level}, ${room})`).join(", ");

/**
 * SQL on ?1, the project: whether the token `asker` may create one more. Null is the operator. `height`: how far an
 * ancestor is above the asker. A token expires no later than its parent, so nobody below an expired token counts. UNION
 * ends even if parents form a circle, which nothing can create.
 */
export const hasRoom = (asker: string, now: string) => `NOT EXISTS (
  WITH RECURSIVE
    levels (level, room) AS (VALUES ${LEVELS}),
    above (height, id) AS (
      SELECT 0, ${asker} WHERE ${asker} IS NOT NULL
      UNION
      SELECT above.height + 1, tokens.parent_id FROM above CROSS JOIN tokens
      ON tokens.project = ?1 AND tokens.id = above.id
      WHERE tokens.parent_id IS NOT NULL AND above.height < ${TOKENS_MAX_BELOW.length}
    ),
    below (height, id) AS (
      SELECT height, id FROM above
      UNION
      SELECT below.height, tokens.id FROM below CROSS JOIN tokens INDEXED BY tokens_by_parent
      ON tokens.project = ?1 AND tokens.parent_id = below.id
      WHERE ${isLiving(now)}
    ),
    counted (height, count) AS (SELECT height, count(*) - 1 FROM below GROUP BY height)
  SELECT 1 FROM counted
  LEFT JOIN levels ON levels.level = (SELECT max(height) FROM above) - counted.height
  WHERE count >= coalesce(iif(counted.height = 0, room, room - room / 10), 0))`;
