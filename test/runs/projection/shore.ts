/** What GroupCommit lands on, made by hand: a journal in memory, and a D1 whose flights stay up until they are ended. */

import { GroupCommit } from "../../../src/runs/projection/group-commit.ts";

export const CONTENT = "CHECK constraint failed";
export const OUTAGE = "Network connection lost";

export function shore(groupMaxBytes = 1_000_000) {
  const journal = new Map<string, { version: number; text: string }>();
  const flights: { rows: string[]; land: (bookmark?: string) => void; fail: (why: string) => void }[] = [];
  const troubles: string[] = [];
  const commit = new GroupCommit(
    {
      groupMaxBytes,
      readRows: (unlanded) =>
        unlanded.flatMap(({ id }) => {
          const row = journal.get(id);
          return row === undefined ? [] : [{ id, ...row }];
        }),
      land: (rows) =>
        new Promise((resolve, reject) => {
          flights.push({
            rows: [...rows],
            land: (bookmark = "b") => resolve(bookmark),
            fail: (why) => reject(new Error(why)),
          });
        }),
      isRefusedForContent: (error) => String(error).includes(CONTENT),
      onTrouble: (error) => troubles.push(String(error)),
      onFlown: () => {},
    },
    [],
  );
  /** Journals a version, as the coordinator does before it asks for a landing. */
  const write = (id: string, version: number, text = `${id}@${version}`) => {
    journal.set(id, { version, text });
    commit.changed({ id, version, bytes: text.length, changedAt: Date.now(), run: null });
  };
  /** What a caller of this version has been told, once it is known. */
  const wait = (id: string, version: number) => {
    const told: { bookmark?: string | null } = {};
    void commit.landed(id, version).then((bookmark) => {
      told.bookmark = bookmark;
    });
    return told;
  };
  const flight = (n: number) => {
    const found = flights[n];
    if (found === undefined) throw new Error(`there is no flight ${n}`);
    return found;
  };
  return { commit, journal, flights, flight, troubles, write, wait };
}
