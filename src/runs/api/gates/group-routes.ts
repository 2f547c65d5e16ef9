/**
 * GET …/concurrency-groups: who holds slots and who waits, by group and key. All runs of one group and key are in one
 * coordinator, so the coordinators' pages only need to be merged.
 */

import { Hono } from "hono";
import { requires } from "../../../auth/bearer.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { encodeCursor, nextLink } from "../../../http/cursor.ts";
import { validQuery } from "../../../http/validate.ts";
import { baseUrl } from "../../../settings/public-url.ts";
import type { ConcurrencyGroup } from "../../gate-calls.ts";
import type { Slot } from "../../gates.ts";
import { askAll, environmentOf } from "../run-environment.ts";
import { groupsQuery } from "./request-schemas.ts";

export const groupRoutes = new Hono<AppEnv>().get(
  "/",
  requires("data:read"),
  validQuery(groupsQuery),
  async (c) => {
    const { limit, cursor = null, group: only = null } = c.req.valid("query");
    // One group more than the page has, to know whether there is a next page.
    const lists = await askAll(environmentOf(c), (coordinator) =>
      coordinator.concurrencyGroups(only, cursor as Slot | null, limit + 1),
    );
    const groups = lists.flat().sort(bySlot);
    const page = groups.slice(0, limit);
    const last = page.at(-1);
    if (groups.length > limit && last !== undefined) {
      const next = encodeCursor(`${last.group}\n${last.key}`);
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, next));
    }
    return c.json(page.map(toWire));
  },
);

/** In SQLite's order, which is that of the UTF-8 bytes. JavaScript's own order of texts differs beyond U+FFFF. */
function bySlot(a: Slot, b: Slot): number {
  return compareBytes(a.group, b.group) || compareBytes(a.key, b.key);
}

function compareBytes(a: string, b: string): number {
  const [one, other] = [encoder.encode(a), encoder.encode(b)];
  const at = one.findIndex((byte, i) => byte !== other[i]);
  return at === -1 ? one.length - other.length : (one[at] ?? 0) - (other[at] ?? -1);
}

const encoder = new TextEncoder();

function toWire({ group, key, limit, holders, waiters, pause }: ConcurrencyGroup) {
  return { group, key, limit, holders, waiters, paused: pause };
}
