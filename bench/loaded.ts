/** Opens what a comparison needs: the service with runs to read, its peers, a receiver and a load process. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Generator, withGenerator } from "./generator.ts";
import type { PeerName, ServerName } from "./names.ts";
import { openPeer } from "./peers.ts";
import { withReceiver } from "./receiving.ts";
import { makeSeeds, type SeedCounts } from "./seeds.ts";
import type { Missing, Server } from "./server.ts";
import { open, type Site, type SiteOptions } from "./site.ts";

export interface Loaded {
  readonly site: Site;
  /** The service and its peers. */
  readonly servers: ReadonlyMap<ServerName, Server>;
  readonly generator: Generator;
  /** Why a peer is missing: one sentence for each. */
  readonly missing: readonly string[];
}

export interface LoadedOptions extends Omit<SiteOptions, "kept" | "counted"> {
  readonly peers: readonly PeerName[];
  readonly seeds?: SeedCounts;
}

/** Closes all, even if the work fails. */
export async function withLoad<T>(
  { seeds: counts, peers, ...options }: LoadedOptions,
  work: (loaded: Loaded) => Promise<T>,
): Promise<T> {
  /** Not within each other, because PostgreSQL runs as a user that reaches only its own. */
  const folders: string[] = [];
  const site = await open(options);
  const servers = new Map<ServerName, Server>([["service", site]]);
  const missing: string[] = [];
  try {
    return await withReceiver(async (receiver) => {
      const seeds = await makeSeeds(site, receiver, counts);
      const { onLog, inspected = false } = options;
      const settings = { onLog, inspected, secrets: site.secrets };
      for (const name of peers) {
        const folder = mkdtempSync(join(tmpdir(), `action-runs-${name}-`));
        folders.push(folder);
        const peer = await openPeer(name, folder, { db: site.db, seeds }, settings).catch(toMissing(name));
        if ("missing" in peer) missing.push(peer.missing);
        else servers.set(name, peer);
      }
      return withGenerator([...servers.values()], seeds, (generator) => work({ site, servers, generator, missing }));
    });
  } finally {
    for (const server of servers.values()) await server.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** A peer that does not start takes no figures of the others either. */
function toMissing(name: PeerName): (error: unknown) => Missing {
  return (error) => ({
    missing: `${name} did not start, so it has no rows: ${error instanceof Error ? error.message : error}`,
  });
}
