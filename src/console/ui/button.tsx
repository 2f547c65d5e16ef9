/** Buttons. `primary`: the main button of a page. `danger`: ends or deletes something. `quiet`: has no border. */
import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { harmlessLink } from "../../base/visible-text.ts";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  /** Shows that its work is under way. Until then a press does nothing, and the button keeps the focus. */
  readonly isBusy?: boolean;
}

export function Button({ kind = "plain", isBusy = false, onClick, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`button is-${kind}${isBusy ? " is-busy" : ""}`}
      // The button is not disabled, because a disabled button loses the focus.
      aria-disabled={isBusy || undefined}
      onClick={(event) => {
        if (isBusy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {children}
    </button>
  );
}

interface ExternalLinkProps {
  readonly href: string;
  /** Default: the address. */
  readonly children?: ComponentChildren;
}

/** A link that somebody else wrote. A URL that the service does not accept as a link stays text. */
export function ExternalLink({ href, children }: ExternalLinkProps) {
  const link = harmlessLink(href);
  if (link === null) return <bdi>{href}</bdi>;
  return (
    <a class="external" href={link} target="_blank" rel="noopener noreferrer">
      <bdi class="cut-lines">{children ?? link}</bdi>
      <Icon name="external" />
    </a>
  );
}

const PATHS = {
  copy: "M5.5 5.5v-2a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M3.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1z",
  calendar: "M3 4h10v9.5H3zM3 6.8h10M5.5 2.5v2.5M10.5 2.5v2.5",
  check: "M3 8.5l3.2 3.2L13 4.8",
  cross: "M4 4l8 8M12 4l-8 8",
  download: "M8 2.5v8M4.5 7.2L8 10.7l3.5-3.5M3 13.5h10",
  external: "M9.5 2.5h4v4M13.5 2.5L7.5 8.5M11.5 9.5v3a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1h3",
  link: "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 0 0-3.7-3.7l-.7.7M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.3 9a2.6 2.6 0 0 0 3.7 3.7l.7-.7",
  next: "M6 3.5L10.5 8L6 12.5",
  person: "M8 8.2a2.6 2.6 0 1 0 0-5.2a2.6 2.6 0 0 0 0 5.2zM3 13.5c.4-2.2 2.3-3.4 5-3.4s4.6 1.2 5 3.4",
  previous: "M10 3.5L5.5 8L10 12.5",
  warning: "M8 2.2l6.2 11.3H1.8zM8 6.5v3.2M8 11.6v.2",
} as const;

export type IconName = keyof typeof PATHS;

/** The few icons, drawn with the colour of the text around them. They are decoration: the text beside them says it. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** `isWhole`: with its name also in a narrow window. */
export function Brand({ isWhole = false }: { readonly isWhole?: boolean }) {
  return (
    <span class="brand row">
      <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
        <rect width="16" height="16" rx="4" />
        <path d="M4.5 11.5v-3M8 11.5v-7M11.5 11.5v-5" />
      </svg>
      <span class={isWhole ? undefined : "is-wide"}>Action runs</span>
    </span>
  );
}
