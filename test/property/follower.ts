/**
 * A client that follows the feed of changes. It stops and resumes at random, also at a cursor that it had before. After
 * a resync or a purge it may have to begin anew. When it has caught up, it has exactly the runs of the model: each in its
 * newest state, and so each end.
 */

import { expect } from "vitest";
import type { ActionRun } from "../support/requests.ts";
import { type Changes, changesOf } from "../support/runs/changes.ts";
import type { Refusal } from "../support/tokens.ts";
import { type Model, plain } from "./model.ts";

export class Follower {
  /** Every cursor it had, with what it knew then. */
  readonly #had: { readonly cursor: string; readonly known: ReadonlyMap<string, ActionRun> }[] = [
    { cursor: "0", known: new Map() },
  ];

  /** `back`: how many cursors it goes back. `pages`: after how many pages it stops, unless it has caught up before. */
  async follow(model: Model, back: number, pages: number): Promise<void> {
    let { cursor, known } = this.#had.at(-1 - back) ?? this.#had[0] ?? { cursor: "0", known: new Map() };
    for (let n = 0; n < pages; n++) {
      const { status, body } = await changesOf<Changes & Refusal>(model.path, `?after=${cursor}`);
      if (body.code === "cursor_gone" && model.canLackCursors) {
        [cursor, known] = ["0", new Map()];
        continue;
      }
      expect(status).toBe(200);
      known = new Map([...known, ...body.runs.map((run): [string, ActionRun] => [run.id, run])]);
      cursor = body.cursor;
      this.#had.push({ cursor, known });
      if (!body.caughtUp) continue;
      const now = Date.now();
      const runs = model.runs.map((run) => plain(run.at(now)));
      const kept = [...known.values()].filter(({ id }) => runs.some((run) => run.id === id));
      expect(kept.sort(byId)).toEqual(runs.sort(byId));
      return;
    }
  }
}

const byId = (one: ActionRun, other: ActionRun) => (one.id < other.id ? -1 : 1);
