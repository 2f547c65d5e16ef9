/** Opens what a comparison needs: the service with runs to read, its peers, a receiver and a load process. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Generator, withGenerator } from "../load/generator.ts";
import { withReceiver } from "../load/receiving.ts";
import { openPeer } from "./peers.ts";
import { makeSeeds, type SeedCounts } from "./seeds.ts";
import type { PeerName, Server, ServerName } from "./server.ts";

import { open, type Site, type SiteOptions } from "./site.ts";

export interface Loaded {
  readonly site: Site;
  /** The service and its peers. */
  readonly servers: ReadonlyMap<ServerName, Server>;
  readonly generator: Generator;
}

interface LoadedOptions extends Omit<SiteOptions, "kept" | "counted"> {
  readonly peers: readonly PeerName[];
  readonly seeds?: SeedCounts;
}

/** Closes all, even if the work fails. */
export async function withLoad<T>(
  { seeds: counts, peers, ...options }: LoadedOptions,
  work: (loaded: Loaded) => Promise<T>,
): Promise<T> {
  const folders: string[] = [];
  const site = await open(options);
  const servers = new Map<ServerName, Server>([["service", site]]);
  try {
    return await withReceiver(async (receiver) => {
      const seeds = await makeSeeds(site, receiver, counts);
      const { onLog, inspected = false } = options;
      const settings = { onLog, inspected, secrets: site.secrets };
      for (const name of peers) {
        const folder = mkdtempSync(join(tmpdir(), `action-runs-${name}-`));
        folders.push(folder);
        servers.set(name, await openPeer(name, folder, site.db, settings));
      }
      return withGenerator([...servers.values()], seeds, (generator) => work({ site, servers, generator }));
    });
  } finally {
    for (const server of servers.values()) await server.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}
