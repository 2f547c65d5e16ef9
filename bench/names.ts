/** The servers that are measured. */

/**
 * `routed`: the service again, behind the platform's router for static assets. All except `service` are peers: the bench
 * goes on without them.
 */
export const SERVERS = ["service", "routed", "limits", "workflows", "postgres"] as const;
export type ServerName = (typeof SERVERS)[number];
export type PeerName = Exclude<ServerName, "service">;
