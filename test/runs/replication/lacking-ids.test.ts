/** The ids of the runs that a database lacks, in order. */

import fc from "fast-check";
import { expect, it } from "vitest";
import { LackingIds } from "../../../src/runs/replication/pending-runs.ts";

const id = fc.stringMatching(/^[0-9a-f]{3}$/);

it("are those that were added and are not replicated, within the bounds and in the order that is asked for", () => {
  const steps = fc.array(fc.record({ id, isReplicated: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, id, id, (steps, lower, upper) => {
      const lacking = new Set<string>();
      const ids = new LackingIds(
        (id) => lacking.has(id),
        () => lacking.size,
      );
      for (const { id, isReplicated } of steps) {
        lacking.add(id);
        ids.add(id);
        if (isReplicated) lacking.delete(id);
      }
      const expected = [...lacking].filter((id) => id >= lower && id < upper).sort();
      expect([...ids.between(lower, upper, "oldest")]).toEqual(expected);
      expect([...ids.between(lower, upper, "newest")]).toEqual(expected.reverse());
    }),
  );
});

it("forget those that are replicated, so that they stay as few as the database lacks", () => {
  const lacking = new Set<string>();
  let looks = 0;
  const ids = new LackingIds(
    (id) => {
      looks++;
      return lacking.has(id);
    },
    () => lacking.size,
  );
  for (let n = 0; n < 10_000; n++) ids.add(String(n).padStart(5, "0"));
  lacking.add("last");
  ids.add("last");
  looks = 0;
  expect([...ids.between("", "~", "newest")]).toEqual(["last"]);
  expect(looks).toBeLessThan(1100);
});
