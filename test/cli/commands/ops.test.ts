/** `ops`: what the commands ask, print and exit with, and that a mistyped environment makes nothing. */

import { describe, expect, test } from "vitest";
import { cli } from "../in-process.ts";
import { badServer, json } from "../misbehaving.ts";
import { ENVIRONMENT, service, settingsFor } from "../service.ts";

const DATABASE = {
  number: 0,
  isBound: true,
  status: "ready",
  sizeBytes: 4_194_304,
  warnings: [] as string[],
  takesNewEnvironments: true,
  checkedAt: "2026-01-31T12:00:00.000Z",
};
const MOVE = {
  ...{ from: 0, to: 1, status: "copying", isCancelled: false, remaining: 4200 },
  ...{ requestedAt: "2026-01-31T12:00:00.000Z", switchedAt: null, cleanedAt: null },
};
const PLACE = {
  ...{ database: 0, generation: 1, move: null as typeof MOVE | null, isNew: false },
  ...{
    sizeBytes: 12_345_678,
    warnings: [] as string[],
    unreplicatedRuns: 0,
    oldestUnreplicatedAt: null as string | null,
  },
};
const READY = { status: "ready", secretsUnderOlderKeys: 0, waitingRunsUnderOlderKeys: 0, warnings: [] };
const PLACES = [
  { project: "acme/shop", envName: "prod-2" },
  { project: "acme/web", envName: "prod" },
];

const PURGE = {
  ...{ days: 7, shortened: 48_000, remaining: 1200 },
  ...{ requestedAt: "2026-01-31T12:00:00.000Z", completedAt: null },
};

const ERASURE = {
  ...{
    scope: "acme/web",
    status: "resting",
    reason: null,
    completedAt: null,
    environments: 2,
    archivePrefix: "v1/acme/web/",
  },
  ...{ requestedAt: "2026-01-31T12:00:00.000Z", deletesAgainAt: "2026-01-31T13:00:05.000Z" },
};

interface Played {
  readonly ready?: readonly [status: number, body: unknown];
  readonly databases?: readonly unknown[];
  readonly places?: readonly { readonly project: string; readonly envName: string }[];
  readonly place?: Partial<typeof PLACE>;
}

/** A service with one database. */
function serve({ ready = [200, READY], databases = [DATABASE], places = PLACES, place = {} }: Played = {}) {
  return service(({ method, url = "" }, response) => {
    const asked = `${method} ${url}`;
    if (asked === "GET /readyz") return json(response, ...ready);
    if (/^GET \/places/.test(asked)) return json(response, 200, places);
    if (asked === "GET /databases") return json(response, 200, databases);
    if (/^GET \/databases\/\d+\/environments/.test(asked)) return json(response, 200, PLACES);
    if (url.endsWith("/database")) return json(response, method === "PUT" ? 202 : 200, { ...PLACE, ...place });
    if (/^POST \/databases\/1\/resync/.test(asked)) {
      const next = url.includes("cursor") ? null : "Mg";
      return json(response, 202, { environments: 1, remaining: 7, next });
    }
    if (url === `${ENVIRONMENT}/purge`) return json(response, method === "GET" ? 200 : 202, PURGE);
    if (url.endsWith("/erase")) return json(response, method === "POST" ? 202 : 200, ERASURE);
    if (asked === `POST ${ENVIRONMENT}/resync`) return json(response, 202, { remaining: 3 });
    json(response, 404, { error: "No.", code: "not_found" });
  });
}

describe("an environment that nobody knows", () => {
  test.each([["move", "1"], ["move"], ["resync"]])(
    "%s %s is refused with the name that was meant, and makes nothing",
    async (...args) => {
      const { run, sent } = await serve({ place: { isNew: true } });
      const { code, stderr } = await run("ops", ...args.filter(Boolean));
      expect([code, stderr]).toEqual([
        4,
        expect.stringContaining("There is no environment acme/shop/prod. Did you mean acme/shop/prod-2?"),
      ]);
      expect(sent().filter(([line]) => !line.startsWith("GET "))).toEqual([]);
    },
  );

  test("is known if it has definitions, and is moved with --new without a question", async () => {
    const known = await serve({ place: { isNew: true }, places: [{ project: "acme/shop", envName: "prod" }] });
    expect((await known.run("ops", "move", "1")).code).toBe(0);
    const { run, sent } = await serve({ place: { isNew: true } });
    expect((await run("ops", "move", "1", "--new")).code).toBe(0);
    expect(sent()).toEqual([[`PUT ${ENVIRONMENT}/database`, { database: 1 }]]);
  });
});

describe("ops move", () => {
  test("moves to a database, and without a number only shows how far the move is", async () => {
    const { run, sent } = await serve({ place: { move: MOVE, unreplicatedRuns: 2 } });
    const { code, stdout } = await run("ops", "move", "--no-json");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/from 0 to 1: copying.*4200.*12\.3 MB.*2 runs/s)]);
    expect(sent().map(([line]) => line)).toEqual([`GET ${ENVIRONMENT}/database`]);
    expect((await run("ops", "move", "1", "--json")).code).toBe(0);
    expect(sent().at(-1)).toEqual([`PUT ${ENVIRONMENT}/database`, { database: 1 }]);
    expect((await run("ops", "move", "64")).code).toBe(2);
  });
});

describe("ops resync", () => {
  test("is of the environment, or of a database to the last page", async () => {
    const { run, sent } = await serve();
    expect((await run("ops", "resync", "--no-json")).stdout).toBe("3 runs remain.\n");
    const whole = await run("ops", "resync", "--database", "1", "--json");
    expect(JSON.parse(whole.stdout)).toEqual({ environments: 2, remaining: 14 });
    expect(sent().map(([line]) => line)).toEqual([
      `GET ${ENVIRONMENT}/database`,
      `POST ${ENVIRONMENT}/resync`,
      "POST /databases/1/resync",
      "POST /databases/1/resync?cursor=Mg",
    ]);
  });
});

describe("ops purge", () => {
  test("purges with --yes, only counts with --dry-run, and shows without --days how far it is", async () => {
    const { run, sent } = await serve();
    expect(JSON.parse((await run("ops", "purge", "--days", "7", "--yes", "--json")).stdout)).toEqual(PURGE);
    await run("ops", "purge", "--days", "0", "--dry-run");
    expect((await run("ops", "purge", "--no-json")).stdout).toMatch(/7 days.*48000 runs.*1200 runs.*not yet/s);
    expect(sent()).toEqual([
      [`POST ${ENVIRONMENT}/purge`, { days: 7 }],
      [`POST ${ENVIRONMENT}/purge`, { days: 0, dryRun: true }],
      [`GET ${ENVIRONMENT}/purge`, null],
    ]);
  });

  test.each([
    [["--days", "7"], "use --yes"],
    [["--yes"], "Say with --days"],
    [["--dry-run"], "Say with --days"],
    [["--days", "3651"], "3650"],
    [["--days", "1.5"], "3650"],
  ])("with %j asks nothing of the service, and says what to do", async (args, sentence) => {
    const { run, sent } = await serve();
    const { code, stderr } = await run("ops", "purge", ...args);
    expect([code, stderr, sent()]).toEqual([2, expect.stringContaining(sentence), []]);
  });
});

test("ops databases lists the databases, and the environments of one", async () => {
  const { run } = await serve({
    databases: [DATABASE, { ...DATABASE, number: 1, sizeBytes: 8.1e9, warnings: ["nearly_full"] }],
  });
  expect((await run("ops", "databases", "--no-json")).stdout).toMatch(
    /0 +ready +4\.2 MB.*1 +ready, nearly_full +8\.1 GB/s,
  );
  expect((await run("ops", "databases", "1", "--no-json")).stdout).toMatch(/acme\/shop +prod-2\nacme\/web +prod\n/);
});

test("ops scrape-targets prints Prometheus's form, with the server's own path, and needs no names", async () => {
  const server = await badServer((_, response) => json(response, 200, PLACES));
  const { ACTION_RUNS_URL = "", ACTION_RUNS_TOKEN = "" } = settingsFor(`${server.url}/runs`);
  const { code, stdout } = await cli(["ops", "scrape-targets", "--no-json"], { ACTION_RUNS_URL, ACTION_RUNS_TOKEN });
  await server.close();
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    PLACES.map(({ project, envName }) => ({
      targets: [new URL(server.url).host],
      labels: {
        __scheme__: "http",
        __metrics_path__: `/runs/${project}/envs/${envName}/metrics`,
        project,
        environment: envName,
      },
    })),
  ]);
});

describe("ops status", () => {
  const status = async (played: Played) => {
    const { run } = await serve(played);
    const { code, stdout } = await run("ops", "status", "--json");
    return { code, ...JSON.parse(stdout) };
  };

  test("is 0 if all is well", async () => {
    const { run } = await serve();
    const { code, stdout } = await run("ops", "status", "--no-json");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^The service is ready\.\nNUMBER/)]);
  });

  test("is 1 if the service is not ready or degraded, and says why", async () => {
    const refusal = { error: "The database is full.", code: "storage_full" };
    expect(await status({ ready: [503, refusal] })).toMatchObject({
      code: 1,
      isWell: false,
      problem: expect.stringContaining("The database is full."),
      databases: [DATABASE],
    });
    const degraded = [{ database: 1, status: "full" }, { archive: "not_answering" }];
    expect(await status({ ready: [200, { ...READY, degraded }] })).toMatchObject({
      code: 1,
      problem: "The service is ready, but not database 1, the archive.",
    });
    expect(await status({ databases: [{ ...DATABASE, warnings: ["nearly_full"] }] })).toMatchObject({
      code: 1,
      problem: null,
    });
  });

  test("names the environments that lag for a minute, or are nearly full", async () => {
    const at = (ms: number) => new Date(Date.now() - ms).toISOString();
    const lags = { unreplicatedRuns: 12, oldestUnreplicatedAt: at(61_000) };
    const lagging = await status({ place: lags });
    expect(lagging).toMatchObject({
      code: 1,
      environments: [
        { project: "acme/shop", envName: "prod-2", problem: expect.stringMatching(/^12 runs since .*Z wait for D1$/) },
        { project: "acme/web", envName: "prod" },
      ],
    });
    expect((await status({ place: { ...lags, oldestUnreplicatedAt: at(30_000) } })).environments).toEqual([]);
    const full = await status({ place: { sizeBytes: 8e9, warnings: ["nearly_full"] } });
    expect(full.environments[0].problem).toBe("stores 8.0 GB, nearly_full");
  });
});

describe("ops erase", () => {
  test("sends the name again only if --confirm has it, and shows how far it is", async () => {
    const { run, sent } = await serve();
    const unsure = await run("ops", "erase", "acme/web");
    expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining("use --confirm acme/web to erase")]);
    const other = await run("ops", "erase", "acme/web", "--confirm", "acme/shop");
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("Give acme/web.")]);
    expect((await run("ops", "erase", "acme")).code).toBe(2);
    expect(sent()).toEqual([]);
    const erased = await run("ops", "erase", "acme/web", "--confirm", "acme/web", "--reason", "left", "--no-json");
    expect([erased.code, erased.stdout]).toEqual([
      0,
      expect.stringMatching(/status: +resting\n.*still to erase: +2\n/s),
    ]);
    expect(JSON.parse((await run("ops", "erase", "acme/web/prod", "--show", "--json")).stdout)).toEqual(ERASURE);
    expect(sent().map(([line]) => line)).toEqual(["POST /acme/web/erase", "GET /acme/web/envs/prod/erase"]);
  });
});
