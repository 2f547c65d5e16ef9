/** A row of the timeline, and what rows have in common. */

import type { ComponentChildren } from "preact";
import { ExternalLink } from "../ui/external-link.tsx";
import { StatusIcon } from "../ui/status.tsx";
import type { Status } from "../ui/statuses.ts";
import { Who } from "../ui/who.tsx";
import { ClockTime } from "./clock-time.tsx";

interface RowProps {
  readonly at: string;
  /** The mark at the line. Without a status, the mark is a plain dot. */
  readonly status?: Status | undefined;
  readonly title: ComponentChildren;
  /** Short facts beside the title. */
  readonly facts?: ComponentChildren;
  /** Lines below it. */
  readonly children?: ComponentChildren;
}

export function Row({ at, status, title, facts, children }: RowProps) {
  return (
    <li class="event">
      <span class="event-mark">
        {status === undefined ? <span class="event-dot" /> : <StatusIcon status={status} />}
      </span>
      <div>
        <p class="event-head">
          <span class="event-title">{title}</span>
          {facts}
        </p>
        {children}
      </div>
      <span class="event-at">
        <ClockTime at={at} />
      </span>
    </li>
  );
}

interface ByProps {
  readonly by?: string | undefined;
  /** The token that acted for a person. */
  readonly via?: string | undefined;
}

export function By({ by, via }: ByProps) {
  if (by === undefined) return null;
  return (
    <span class="muted">
      by <Who name={by} via={via} />
    </span>
  );
}

export function Note({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : <p class="event-note">{text}.</p>;
}

/** What somebody else wrote. */
export function Said({ text }: { readonly text: string | null | undefined }) {
  if (!text) return null;
  return (
    <p class="event-note">
      <bdi>{text}</bdi>
    </p>
  );
}

export function JobLink({ url }: { readonly url: string }) {
  return (
    <p class="event-note">
      <ExternalLink href={url} />
    </p>
  );
}
