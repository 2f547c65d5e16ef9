/** The servers that are measured. */

/**
 * `routed`: the service again, behind the platform's router for static assets. All except `service` are peers: the bench
 * goes on if one dies.
 */
const SERVERS = ["service", "routed", "limits", "workflows"] as const;
export type ServerName = (typeof SERVERS)[number];
export type PeerName = Exclude<ServerName, "service">;
