/**
 * What goes wrong during a soak, at random: a database or all of them fail for a while and refuse rows, coordinators are
 * evicted, environments are resynced and move, workerd is killed.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { SoakRecord } from "../record.ts";
import { ask, type Random, urlOf } from "../requests.ts";
import type { Site } from "../site.ts";
import { FAULTS, type FaultName, type FaultsTold } from "./fault-names.ts";
import { Moves } from "./moves.ts";

/** What a soak can leave out, to narrow a failure down. */
export const DISTURBANCES = ["faults", "refusals", "evictions", "resyncs", "moves", "kills"] as const;

const DATABASES = 4;
/** How many faults are of a single database. */
const IN_ONE_DATABASE = 0.6;
const CRON_EVERY_MS = 60_000;
const CONTROL_TRIES = 6;
const CONTROL_PAUSE_MS = 200;
/** A request that comes so soon after an eviction or a kill may still meet it. */
const AFTERMATH_MS = 1500;
/** A read of D1 may hang for ten seconds, and D1 may still be slow from the statements that were held back. */
const D1_AFTERMATH_MS = 15_000;

/** Faults that a read meets. */
const UNREADABLE: readonly FaultName[] = ["slow", "hanging", "refusing", "refusing reads"];
/** A coordinator that could not read definitions tries again after this time at most. */
const READ_AGAIN_MS = 31_000;

/** An eviction that is to hit the fan-out of an end comes within this time after it. */
const FAN_OUT_MS = 50;

/** How long callers pause before a resync. Most of what they changed is replicated meanwhile. */
const QUIET_MS = 2000;
/** When a batch that fails late has failed, and the alarm has rung after that. */
const NOTED_MS = 3300;
/** How long they wait at most until it is answered. */
const ASKED_MS = 5000;

/** How long the database is rebuilt if nothing is wrong. */
const REBUILT_WITHIN_MS = 20_000;

const ms = (random: Random, from: number, to: number) => from + random() * (to - from);

export class Disturbances {
  readonly moves: Moves;
  readonly #site: Site;
  readonly #record: SoakRecord;
  readonly #environments: readonly string[];
  /** When the coordinator of each environment was evicted last, and until when. */
  readonly #evicted = new Map<string, { readonly from: number; until: number }>();
  readonly #resynced = new Map<string, number>();
  #killed = { from: 0, until: 0 };
  #faultUntil = 0;
  /** When the database with the definitions could not be read. The last span may still go on. */
  readonly #unreadable: { readonly from: number; until: number }[] = [];
  #fault: FaultName | null = null;
  #faultyDatabase: number | null = null;
  #refusesRows = false;
  #evicts = false;
  #goOn: Promise<void> = Promise.resolve();

  constructor(site: Site, record: SoakRecord, environments: readonly string[]) {
    this.#site = site;
    this.#record = record;
    this.#environments = environments;
    this.moves = new Moves(site, record, environments);
  }

  /** Resolves when callers may send requests. */
  get goOn(): Promise<void> {
    return this.#goOn;
  }

  /** Whether a request sent at `sentAt` and answered now may have met a kill. */
  metKill(sentAt: number): boolean {
    return sentAt <= this.#killed.until + AFTERMATH_MS && Date.now() >= this.#killed.from;
  }

  /** Whether such a request to the coordinator of this environment may have met a kill or an eviction. */
  metDisturbance(sentAt: number, environment: string): boolean {
    const last = this.#evicted.get(environment);
    return this.metKill(sentAt) || (last !== undefined && sentAt <= last.until + AFTERMATH_MS);
  }

  metFault(sentAt: number): boolean {
    return this.#fault !== null || sentAt <= this.#faultUntil + D1_AFTERMATH_MS;
  }

  /**
   * Whether a change of a definition that was answered at `changedAt` may have been unknown at `at`: the database with the
   * definitions could not be read at either instant, and was not well for long in between.
   */
  hidDefinitions(changedAt: number, at: number): boolean {
    let knownUntil = changedAt;
    for (const { from, until } of this.#unreadable) {
      if (until + D1_AFTERMATH_MS < changedAt) continue;
      if (from > knownUntil) return false;
      if (at <= until + D1_AFTERMATH_MS) return at >= from;
      knownUntil = until + READ_AGAIN_MS;
    }
    return false;
  }

  /** Whether a list that was sent at `sentAt` may be stale: the object is out of reach, or the database is rebuilt. */
  mayBeStale(sentAt: number, environment: string): boolean {
    const isRebuilt = sentAt <= (this.#resynced.get(environment) ?? 0) + REBUILT_WITHIN_MS;
    return isRebuilt || this.metDisturbance(sentAt, environment) || this.metFault(sentAt);
  }

  /** Runs until `signal` says stop. Then D1 is well again, and workerd runs. `random`: one for each part. */
  async run(random: (part: number) => Random, signal: AbortSignal, without: readonly string[]): Promise<void> {
    const parts = {
      faults: () => this.#faults(random(1), signal),
      refusals: () => this.#refusals(),
      resyncs: () => this.#resyncs(random(4), signal),
      evictions: () => this.#evictions(random(2), signal),
      moves: () => this.moves.run(random(12), signal),
      kills: () => this.#kills(random(3), signal),
    };
    const chosen = DISTURBANCES.filter((name) => !without.includes(name));
    this.#evicts = chosen.includes("evictions");
    await Promise.all([this.#cron(signal), ...chosen.map((name) => parts[name]())]);
    this.#evicts = false;
    this.#refusesRows = false;
    await this.#setFault(null);
  }

  /** Evicts a coordinator while it fans an end out: when it matches it, writes its deliveries, or sends them. */
  async evictSoon(environment: string, random: Random): Promise<void> {
    await delay(random() * FAN_OUT_MS);
    await this.evictNow(environment);
  }

  /** Does nothing if the soak is over, or if it leaves evictions out. */
  async evictNow(environment: string, counted = "evictions that hit a fan-out"): Promise<void> {
    if (!this.#evicts) return;
    this.#record.count(counted);
    await this.#evict(environment);
  }

  async #faults(random: Random, signal: AbortSignal): Promise<void> {
    while (await slept(ms(random, 1500, 6000), signal)) {
      const database = random() < IN_ONE_DATABASE ? Math.floor(random() * DATABASES) : null;
      await this.#setFault(FAULTS[Math.floor(random() * FAULTS.length)] ?? "slow", database);
      await slept(ms(random, 1000, 18_000), signal);
      await this.#setFault(null);
    }
  }

  async #refusals(): Promise<void> {
    this.#refusesRows = true;
    await this.#tellFault();
  }

  /**
   * Most of them in a moment without requests, and with batches that fail late. So a batch has nothing but the
   * runs of a resync, the callers go on and change some of them, and the batch fails. Once the alarm has noted what is
   * replicated, an eviction shows whether it noted too much.
   */
  async #resyncs(random: Random, signal: AbortSignal): Promise<void> {
    while (await slept(ms(random, 500, 3000), signal)) {
      await this.#site.up;
      const environment = this.#environments[Math.floor(random() * this.#environments.length)] ?? "";
      const isQuiet = random() < 0.8;
      const goOn = Promise.withResolvers<void>();
      if (isQuiet) {
        this.#goOn = goOn.promise;
        await slept(QUIET_MS, signal);
      }
      const failsLate = isQuiet && this.#fault === null;
      if (failsLate) await this.#setFault("refusing batches late");
      this.#record.disturbance(`${environment} resynced`);
      this.#record.count("resyncs");
      this.#resynced.set(environment, Date.now());
      const url = urlOf(this.#site.origins[0] ?? "", environment, "resync");
      // It may fail, because D1 or a coordinator may be out of reach. The next one does the same.
      const asked = ask({ method: "POST", url, token: this.#site.rootToken });
      await Promise.race([asked, slept(ASKED_MS, signal)]);
      goOn.resolve();
      await asked;
      this.#resynced.set(environment, Date.now());
      if (!failsLate) continue;
      await slept(NOTED_MS, signal);
      await this.#evict(environment);
      if (this.#fault === "refusing batches late") await this.#setFault(null);
    }
  }

  /** `database`: the only one that fails; null for all. */
  async #setFault(fault: FaultName | null, database: number | null = null): Promise<void> {
    if (fault !== null) this.#record.count(`D1 ${fault}`);
    if (fault === null && this.#fault !== null) this.#faultUntil = Date.now();
    this.#fault = fault;
    this.#faultyDatabase = database;
    const last = this.#unreadable.at(-1);
    if (last?.until === Number.POSITIVE_INFINITY) last.until = Date.now();
    if (fault !== null && UNREADABLE.includes(fault) && (database ?? 0) === 0)
      this.#unreadable.push({ from: Date.now(), until: Number.POSITIVE_INFINITY });
    const where = database === null ? "D1" : `database ${database}`;
    this.#record.disturbance(fault === null ? "D1 is well" : `${where} is ${fault}`);
    await this.#tellFault();
  }

  /** Again if an isolate did not answer, because a fault must not outlast its time. After a kill there is none. */
  async #tellFault(): Promise<void> {
    const told: FaultsTold = { fault: this.#fault, only: this.#faultyDatabase, refusesRows: this.#refusesRows };
    const tell = async (isolate: number) => {
      for (let tries = 0; tries < CONTROL_TRIES; tries++) {
        if (await this.#site.control(isolate, "faults", JSON.stringify(told))) return;
        await delay(CONTROL_PAUSE_MS);
      }
    };
    await Promise.all(this.#site.origins.map((_, isolate) => tell(isolate)));
  }

  async #evictions(random: Random, signal: AbortSignal): Promise<void> {
    while (await slept(ms(random, 300, 2500), signal)) {
      await this.#site.up;
      const environment = this.#environments[Math.floor(random() * this.#environments.length)] ?? "";
      await this.#evict(environment);
    }
  }

  async #evict(environment: string): Promise<void> {
    const last = { from: Date.now(), until: Number.POSITIVE_INFINITY };
    this.#evicted.set(environment, last);
    this.#record.disturbance(`${environment} evicted`);
    this.#record.count("coordinators evicted");
    // Not Miniflare's own eviction: under load it stops workerd from answering at all.
    await this.#site.control(0, "evict", environment);
    last.until = Date.now();
  }

  async #kills(random: Random, signal: AbortSignal): Promise<void> {
    // The first one is early, so that a short soak has one.
    for (let wait = ms(random, 6000, 12_000); await slept(wait, signal); wait = ms(random, 30_000, 60_000)) {
      this.#record.disturbance("kill -9");
      this.#record.count("kill -9");
      this.#killed = { from: Date.now(), until: Number.POSITIVE_INFINITY };
      await this.#site.kill();
      this.moves.age(random);
      await this.#site.start();
      // The callers go on now. D1 is as bad as before the kill.
      await this.#tellFault();
      this.#killed.until = Date.now();
      this.#record.disturbance("workerd runs again");
    }
  }

  async #cron(signal: AbortSignal): Promise<void> {
    while (await slept(CRON_EVERY_MS, signal)) {
      await this.#site.up;
      await this.#site.control(0, "cron", "");
    }
  }
}

/** False if the soak is over. */
async function slept(forMs: number, signal: AbortSignal): Promise<boolean> {
  await delay(forMs, null, { signal }).catch(() => {});
  return !signal.aborted;
}
