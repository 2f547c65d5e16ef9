/** What is measured of the peer on PostgreSQL: the service's own requests, and the same checks. */

import { NEW_RUN, type Operation, post, read, report, write } from "../requests.ts";

export const POSTGRES_OPERATIONS = {
  "PostgreSQL create": write(
    "postgres",
    201,
    ({ seeds: { runs, token } }) => post(runs, NEW_RUN, token),
    ({ status, callback }, { open }) => {
      const { url, token } = (callback ?? {}) as { url?: string; token?: string };
      if (status !== "pending" || !url || !token) return false;
      return open.push({ path: new URL(url).pathname, token }) > 0;
    },
  ),
  "PostgreSQL report": write(
    "postgres",
    200,
    ({ open }) => report(open.pop()),
    ({ id, status }, _, path) => status === "succeeded" && path.includes(String(id)),
  ),
  "PostgreSQL get": read("postgres", ({ openRuns }) => openRuns),
  "PostgreSQL list": read("postgres", ({ list }) => [list]),
} as const satisfies Readonly<Record<string, Operation>>;
