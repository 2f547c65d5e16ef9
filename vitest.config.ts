import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { ASSETS, makeAssets } from "./src/dev/assets.ts";
import { bundleCommandLine } from "./test/cli/command.ts";
import { QUICK_FILES } from "./test/server/quick-files.ts";

const root = fileURLToPath(new URL(".", import.meta.url));

// wrangler would name the secrets' file once per test file.
process.env.WRANGLER_LOG ??= "error";
// The tests start Node some 300 times. Most of a start is compiling the same modules.
process.env.NODE_COMPILE_CACHE ??= `${root}.wrangler/compile-cache`;

/** For tests that start programs from temporary files. */
const TEMPORARY_FILES = { TMPDIR: tmpdir() };
// The runtimes make their files where this process makes its temporary ones.
process.env.TMPDIR = QUICK_FILES;

declare module "vitest" {
  export interface ProvidedContext {
    readonly pendingStories: number;
    readonly gateSteps: number;
  }
}

// The runtime's settings name this folder. What is in it is made for the files that need it: `ByProject`.
mkdirSync(ASSETS, { recursive: true });

/**
 * In the real runtime: D1, Durable Objects and alarms as deployed. test/support/worker.ts can make D1 fail. A file that
 * needs other settings says so in its first statement (test/support/use-settings.ts).
 */
const runtime = cloudflareTest({
  main: "./test/support/worker.ts",
  wrangler: { configPath: "./wrangler.toml" },
  miniflare: {
    // Only the tests that ask for them have these: test/support/settings.ts.
    d1Databases: { DB_1: "db-1", DB_2: "db-2", DB_3: "db-3" },
    r2Buckets: { ARCHIVE: "archive" },
    bindings: {
      CALLBACK_SIGNING_KEYS: "a-signing-key-for-tests-of-32-bytes-and-more",
      ROOT_TOKEN: "a-root-token-for-tests-of-32-characters",
      // Outside loopback, triggers need it. It is where the tests ask.
      PUBLIC_URL: "https://runs.example",
      // Set here or empty, because the tests must not depend on the .dev.vars of this machine.
      CORS_ORIGINS: "",
      RETENTION_DAYS: "30",
      WEBHOOK_PORTS: "",
      WEBHOOK_HOSTS: "",
      ALLOW_INSECURE_WEBHOOKS: "",
      SIGN_IN_CODES: "true",
      TEST_MIGRATIONS: await readD1Migrations(`${root}migrations`),
    },
  },
});

/** Also on two cores, because tests wait a third of the time. */
const WORKERS = 5;

/** In the runtime. These tests come last. Each more worker is a runtime that starts and loads the service and the tests. */
const IN_RUNTIMES = { maxWorkers: 3, sequence: { groupOrder: 1 } };

/** Only a test that hangs takes so long. Beside other work, everything takes ten times as long as alone. */
const LIMITS = { testTimeout: 300_000, hookTimeout: 300_000 };

const NO_RUNTIME_TESTS = ["server", "tools", "products", "client", "words", "cli", "console", "rules"].map(
  (room) => `test/${room}/**`,
);

/** The tests in the runtime that ask for static assets. Those of the servers are made when their server starts. */
const WITH_ASSETS = /\/test\/(http|openapi)\//;
/** The tests that start the command line. */
const WITH_COMMAND_LINE = /\/test\/(cli|server|tools)\//;

/**
 * Makes what the files of this run need, and no more: the console's build alone takes longer than most files. Keeps the
 * files of a project together in the queue, because a runtime ends if the next file in the queue is of another project.
 * The servers are first, because their files take longest. The runtime is last: its files are short and hardly wait, so
 * all cores are busy until the end.
 */
class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    if (files.some(({ moduleId }) => WITH_ASSETS.test(moduleId))) await makeAssets();
    if (files.some(({ moduleId }) => WITH_COMMAND_LINE.test(moduleId))) bundleCommandLine();
    const sorted = await super.sort(files);
    const of = (name: string) => sorted.filter(({ project }) => project.name === name);
    return ["tools", "server", "node", "runtime"].flatMap(of);
  }
}

/** From outside, with processes of its own, and one server that all files share. */
const FROM_OUTSIDE = {
  ...LIMITS,
  isolate: false,
  env: TEMPORARY_FILES,
  globalSetup: ["./test/server/shared-server.ts"],
};

export default defineConfig({
  test: {
    // The service logs a line per request. Show them only if a test failed.
    silent: "passed-only" as const,
    maxWorkers: WORKERS,
    sequence: { sequencer: ByProject },
    projects: [
      {
        plugins: [runtime],
        // These tests compare the service with its document.
        define: { DESCRIBE: "true" },
        test: {
          ...LIMITS,
          name: "runtime",
          ...IN_RUNTIMES,
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: NO_RUNTIME_TESTS,
          globalSetup: ["./test/support/receiver/server.ts"],
          setupFiles: ["./test/support/setup.ts"],
          // How many random stories test/runs/replication/pending-model.test.ts plays, and how many steps
          // test/gates/model.test.ts.
          provide: {
            pendingStories: Number(process.env.PENDING_STORIES ?? 1500),
            gateSteps: Number(process.env.GATE_STEPS ?? 800),
          },
        },
      },
      {
        // The client, the command line and the console's pure parts in Node, the first two against servers that
        // misbehave. The rules of the source itself.
        test: {
          ...LIMITS,
          name: "node",
          env: TEMPORARY_FILES,
          isolate: false,
          include: ["client", "words", "cli", "console", "rules"].map((room) => `test/${room}/**/*.test.ts`),
        },
      },
      {
        // The service as it is built, over HTTP, and the products that call it.
        test: { ...FROM_OUTSIDE, name: "server", include: ["test/server/**/*.test.ts", "test/products/**/*.test.ts"] },
      },
      {
        // What builds, starts, packs, migrates and measures the service.
        test: {
          ...FROM_OUTSIDE,
          name: "tools",
          globalSetup: [...FROM_OUTSIDE.globalSetup, "./test/tools/mcp/install.ts"],
          include: ["test/tools/**/*.test.ts"],
        },
      },
    ],
  },
});
