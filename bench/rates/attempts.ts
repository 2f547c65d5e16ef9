/**
 * Runs jobs at servers that may die. A peer that has died is started again, and the job in which it died has no figures.
 * If the service dies, the bench can't go on.
 */

import { setTimeout as delay } from "node:timers/promises";
import { cpuTimes, usedUs } from "../clock.ts";
import type { Job, Measured } from "../load/generator.ts";
import { MIXED } from "../load/mixed.ts";
import { OPERATIONS } from "../load/operations.ts";
import type { Loaded } from "../servers/loaded.ts";
import type { Server, ServerName } from "../servers/server.ts";

/** The exit of a process may arrive a little after its refusal of a connection. */
const EXIT_WITHIN_MS = 5000;

export interface Attempt {
  /** Null if a server of the job died before its end. */
  readonly measured: Measured | null;
  /** What the operation's server used meanwhile, in microseconds. Null if nobody knows. */
  readonly cpuUs: number | null;
  /** How often a peer of the job had died, before the job or in it. */
  readonly deaths: number;
}

export type Attempts = (job: Job) => Promise<Attempt>;

/** The service has died. What was measured before still counts. */
export class ServiceEnded extends Error {
  override readonly name = "ServiceEnded";
}

export function attemptsAt({ servers, generator }: Pick<Loaded, "servers" | "generator">): Attempts {
  /** Peers that did not start again. */
  const lost = new Set<ServerName>();

  async function revive(server: Server): Promise<void> {
    if (server.name === "service") throw new ServiceEnded("the service ended while it was measured");
    try {
      await server.restart();
      generator.renew(server);
    } catch {
      lost.add(server.name);
    }
  }

  async function reviveAll(all: readonly Server[]): Promise<number> {
    const dead = all.filter((server) => server.hasEnded() && !lost.has(server.name));
    for (const server of dead) await revive(server);
    return dead.length;
  }

  return async (job) => {
    const own = serverOf(job.operation);
    const names = new Set([own, ...(job.meanwhile ? [serverOf(job.meanwhile.operation)] : [])]);
    const involved = [...names].map((name) => {
      const server = servers.get(name);
      if (server === undefined) throw new Error(`${name} was not opened for ${job.operation}`);
      return server;
    });
    const before = await reviveAll(involved);
    const nothing = { measured: null, cpuUs: null };
    if (involved.some(({ name }) => lost.has(name))) return { ...nothing, deaths: before };
    const pids = servers.get(own)?.pids ?? [];
    const from = cpuTimes(pids);
    const measured = await generator.run(job);
    const cpuUs = usedUs(from, cpuTimes(pids));
    if (measured.isRefused) {
      await Promise.race([...involved.map((server) => server.ended()), delay(EXIT_WITHIN_MS)]);
    }
    const meanwhile = await reviveAll(involved);
    return meanwhile > 0 ? { ...nothing, deaths: before + meanwhile } : { measured, cpuUs, deaths: before };
  };
}

function serverOf(operation: Job["operation"]): ServerName {
  return (operation === "mixed" ? MIXED : OPERATIONS[operation]).server;
}
