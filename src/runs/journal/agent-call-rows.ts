/** The journal's table of agents' calls: which run the last call of an agent for a tool made. */
import { MINUTE_MS } from "../../base/time.ts";
import type { AgentCall } from "../run-calls.ts";
import { Rows } from "./rows.ts";

/** Longer than agents try again by themselves, and shorter than it takes people to ask for the same once more. */
const REPEATED_WITHIN_MS = 10 * MINUTE_MS;

export class AgentCallRows extends Rows {
  /** The key of the run that this call made, if it is the agent's last one for the tool and not too long ago. */
  keyOf({ caller, fingerprint }: AgentCall, now: number): string | null {
    const [key = null] = this.textsOf(
      "SELECT create_key FROM agent_calls WHERE caller = ? AND fingerprint = ? AND at > ?",
      caller,
      fingerprint,
      now - REPEATED_WITHIN_MS,
    );
    return key;
  }

  /** Call it in the transaction that creates the run. */
  note({ caller, fingerprint }: AgentCall, createKey: string, now: number): void {
    this.sql.exec("DELETE FROM agent_calls WHERE at <= ?", now - REPEATED_WITHIN_MS);
    this.sql.exec(
      `INSERT INTO agent_calls (caller, fingerprint, create_key, at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, create_key = excluded.create_key, at = excluded.at`,
      caller,
      fingerprint,
      createKey,
      now,
    );
  }
}
