/**
 * The servers that the bench measures. Each runs in processes of its own, so that the death of one costs no other server
 * its figures.
 */

/**
 * `routed`: the service again, behind the platform's router for static assets. All except `service` are peers: the bench
 * goes on if one dies.
 */
const SERVERS = ["service", "routed", "limits", "workflows"] as const;
export type ServerName = (typeof SERVERS)[number];
export type PeerName = Exclude<ServerName, "service">;

export interface Server {
  readonly name: ServerName;
  /** Where requests go. A restart may change it. */
  readonly origin: string;
  /**
   * The roots of the process trees that do the server's work. Their processor time is the server's. A restart changes
   * them. Empty if nobody knows them.
   */
  readonly pids: readonly number[];
  /** The inspector of the isolate that does the work. Without one, the server can't be profiled. */
  readonly inspector?: URL | null;
  /** True from when the server has ended by itself until it is started again. `stop` is not such an end. */
  hasEnded(): boolean;
  /** Resolves when the server has ended by itself, at once if it already has. A restart gives a new promise. */
  ended(): Promise<void>;
  /** Starts a server that has ended again, with the files that it had. Resolves when it answers requests. */
  restart(): Promise<void>;
  /** Ends the server. */
  stop(): Promise<void>;
}
