import { fileURLToPath } from "node:url";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { makeAssets } from "./src/dev/assets.ts";

const root = fileURLToPath(new URL(".", import.meta.url));

// wrangler would name the secrets' file once per test file.
process.env.WRANGLER_LOG ??= "error";

await makeAssets();

/** In the real runtime: D1, Durable Objects and alarms as deployed. test/support/worker.ts can make D1 fail. */
async function inTheRuntime(bindings: Record<string, string>, network = {}) {
  return cloudflareTest({
    main: "./test/support/worker.ts",
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      ...network,
      bindings: {
        CALLBACK_SIGNING_KEYS: "a-signing-key-for-tests-of-32-bytes-and-more",
        ROOT_TOKEN: "a-root-token-for-tests-of-32-characters",
        // What a .dev.vars on this machine may say is not for the tests.
        PUBLIC_URL: "",
        CORS_ORIGINS: "",
        RETENTION_DAYS: "30",
        WEBHOOK_PORTS: "",
        WEBHOOK_HOSTS: "",
        ALLOW_INSECURE_WEBHOOKS: "",
        TEST_MIGRATIONS: await readD1Migrations(`${root}migrations`),
        ...bindings,
      },
    },
  });
}

export default defineConfig(async () => ({
  test: {
    // The service logs a line per request: shown only where a test failed.
    silent: "passed-only" as const,
    // Most of the time of most tests is waiting, so two files at once also where there are but two cores.
    maxWorkers: 2,
    projects: [
      {
        // Nothing that is sent gets out of the machine.
        plugins: [
          await inTheRuntime({}, { outboundService: () => new Response("no network", { status: 503 }) }),
        ],
        test: {
          name: "runtime",
          include: ["test/**/*.test.ts"],
          exclude: ["test/server/**", "test/dispatch/**", "test/client/**", "test/cli/**"],
          setupFiles: ["./test/support/setup.ts"],
          testTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // As in development, where webhooks may go to loopback: to a receiver that plays all that receivers do.
        plugins: [await inTheRuntime({ ALLOW_INSECURE_WEBHOOKS: "true" })],
        test: {
          name: "dispatch",
          include: ["test/dispatch/**/*.test.ts"],
          globalSetup: ["./test/support/receiver/setup.ts"],
          setupFiles: ["./test/support/setup.ts"],
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // The client and the command line as their users run them, in Node, against servers that misbehave.
        test: {
          name: "node",
          include: ["test/client/**/*.test.ts", "test/cli/**/*.test.ts"],
          testTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // From outside: the server as its users start it, over HTTP. After the others, to have the machine to itself.
        test: {
          name: "server",
          include: ["test/server/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
}));
