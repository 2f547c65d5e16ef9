/** The service under load: creates arrive and are followed to their answers. */

import { startArrivals } from "./arrivals.ts";
import { Coordinator, type Outcome } from "./coordinator.ts";
import { Database, type Outage } from "./database.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { mulberry32 } from "./random.ts";
import type { Setting } from "./settings.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface Workload {
  readonly coordinators: number;
  /** All of them together. */
  readonly createsPerSecond: number;
  /** Nothing that arrives or leaves before is counted. */
  readonly warmUpMs: number;
  /** Creates arrive until then. */
  readonly endMs: number;
  /** What is still under way at the end has as long as this to come to an answer. */
  readonly drainMs: number;
  readonly outage?: Outage;
}

export interface Answered {
  readonly arrivedMs: number;
  readonly latencyMs: number;
  readonly outcome: Outcome;
}

export interface Flight {
  readonly leftMs: number;
  readonly rows: number;
}

export interface Observed {
  readonly answers: readonly Answered[];
  readonly flights: readonly Flight[];
  readonly failedFlights: number;
  readonly d1BusyShare: number;
  readonly objectBusyShare: number;
  /** Unlanded rows of all coordinators, at each whole second. */
  readonly unlanded: readonly number[];
  readonly leftUnlanded: number;
}

export async function simulate(setting: Setting, workload: Workload, seed: number): Promise<Observed> {
  const { warmUpMs, endMs, drainMs } = workload;
  const service = new Service(setting, workload, seed);
  await service.time.runUntil(warmUpMs);
  const before = service.busyMs();
  await service.time.runUntil(endMs);
  const after = service.busyMs();
  await service.time.runUntil(endMs + drainMs);
  return {
    answers: service.answers,
    flights: service.flights,
    failedFlights: service.failedFlights,
    d1BusyShare: (after.d1 - before.d1) / (endMs - warmUpMs),
    objectBusyShare: (after.objects - before.objects) / (endMs - warmUpMs),
    unlanded: service.unlanded,
    leftUnlanded: service.unlandedRows(),
  };
}

class Service {
  readonly time = new VirtualTime();
  readonly answers: Answered[] = [];
  readonly flights: Flight[] = [];
  failedFlights = 0;
  readonly unlanded: number[] = [];
  readonly #setting: Setting;
  readonly #workload: Workload;
  readonly #database: Database;
  readonly #threads: readonly OneAtATime[];
  readonly #coordinators: readonly Coordinator[];

  constructor(setting: Setting, workload: Workload, seed: number) {
    this.#setting = setting;
    this.#workload = workload;
    this.#database = new Database(this.time, setting, workload.outage ?? null);
    const first = new OneAtATime(this.time);
    const threads = Array.from({ length: workload.coordinators }, (_, i) =>
      i === 0 || setting.objectsShareThread ? first : new OneAtATime(this.time),
    );
    this.#threads = [...new Set(threads)];
    this.#coordinators = threads.map((thread) => this.#newCoordinator(thread));
    this.#watchUnlanded();
    const random = mulberry32(seed);
    const rate = { perSecond: workload.createsPerSecond, endMs: workload.endMs };
    startArrivals(this.time, random, rate, (n) => this.#arrive(n, random()));
  }

  /** Of the objects, on average. */
  busyMs(): { d1: number; objects: number } {
    const objects = this.#threads.reduce((sum, { busyMs }) => sum + busyMs, 0) / this.#threads.length;
    return { d1: this.#database.busyMs, objects };
  }

  unlandedRows(): number {
    return this.#coordinators.reduce((sum, { unlandedRows }) => sum + unlandedRows, 0);
  }

  #newCoordinator(thread: OneAtATime): Coordinator {
    const observer = {
      flightLeft: (leftMs: number, rows: number) => {
        if (this.#isCounted(leftMs)) this.flights.push({ leftMs, rows });
      },
      flightFailed: (atMs: number) => {
        if (this.#isCounted(atMs)) this.failedFlights++;
      },
    };
    const [time, setting, database] = [this.time, this.#setting, this.#database];
    return new Coordinator({ time, setting, database, thread, observer });
  }

  #arrive(n: number, where: number): void {
    const arrivedMs = this.time.now;
    const oneWayMs = this.#setting.workerToObjectMs / 2;
    const coordinator = this.#coordinators[Math.floor(where * this.#coordinators.length)];
    const onAnswer = (outcome: Outcome) => {
      const latencyMs = this.time.now + oneWayMs - arrivedMs;
      if (this.#isCounted(arrivedMs)) this.answers.push({ arrivedMs, latencyMs, outcome });
    };
    this.time.atPlainly(arrivedMs + oneWayMs, () => coordinator?.create(String(n), onAnswer));
  }

  #watchUnlanded(): void {
    for (let at = 1000; at <= this.#workload.endMs; at += 1000) {
      this.time.atPlainly(at, () => void this.unlanded.push(this.unlandedRows()));
    }
  }

  #isCounted(atMs: number): boolean {
    return atMs >= this.#workload.warmUpMs && atMs < this.#workload.endMs;
  }
}
