/**
 * How long a coordinator takes to start: one that holds many runs beside one that holds a single run, both put to
 * sleep and called again in turn. The pages that it reads are in the machine's memory.
 */

import { COORDINATOR_BOOKMARK } from "../../src/runs/protocol.ts";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { quantile } from "../result.ts";
import { type Call, expectAnswer, startCaller } from "./caller.ts";
import { EMPTY, MEASURED, PROJECT, type Standing } from "./place.ts";
import type { Filled } from "./places.ts";

const ROUNDS = 12;

export interface Cold {
  readonly starts: number;
  /** The first call after sleep, and the next. */
  readonly full: Starts;
  readonly empty: Starts;
  /** The median of what a start took longer in each pair. */
  readonly longerMs: number;
}

export interface Starts {
  readonly firstMs: number;
  readonly worstFirstMs: number;
  readonly nextMs: number;
}

export async function measureCold(standing: Standing, { genuine, token }: Filled): Promise<Cold> {
  const { call, close } = startCaller(standing);
  const kinds = [
    { scope: `${PROJECT}/${MEASURED}`, paths: genuine.measured, first: [] as number[], next: [] as number[] },
    { scope: `${PROJECT}/${EMPTY}`, paths: genuine.empty, first: [] as number[], next: [] as number[] },
  ] as const;
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < COORDINATORS; n++) {
      for (const { scope, paths, first, next } of round % 2 === 0 ? kinds : kinds.toReversed()) {
        const path = paths[n] ?? "";
        await read(path, token, call);
        await standing.evict(scope, n);
        first.push(await read(path, token, call));
        next.push(await read(path, token, call));
      }
    }
  }
  await close();
  const [full, empty] = kinds;
  const longer = full.first.map((ms, i) => ms - (empty.first[i] ?? Number.NaN));
  return {
    starts: full.first.length,
    full: toStarts(full),
    empty: toStarts(empty),
    longerMs: quantile(longer, 0.5),
  };
}

/** Asks the coordinator itself. */
async function read(path: string, token: string, call: Call): Promise<number> {
  const ask = { method: "GET", path, token, headers: { "x-d1-bookmark": COORDINATOR_BOOKMARK } } as const;
  const answer = await call(ask);
  const id = path.slice(path.lastIndexOf("/") + 1);
  expectAnswer(ask, answer, answer.status === 200 && answer.body.startsWith(`{"id":"${id}"`));
  return answer.ms;
}

function toStarts({ first, next }: { readonly first: number[]; readonly next: number[] }): Starts {
  return {
    firstMs: quantile(first, 0.5),
    worstFirstMs: Math.max(...first),
    nextMs: quantile(next, 0.5),
  };
}
