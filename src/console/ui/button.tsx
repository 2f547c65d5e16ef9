/** Buttons. `primary`: the one that a page is about. `danger`: what ends something. `quiet`: without a border. */

import type { ButtonHTMLAttributes } from "preact";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  /** Shows that its work goes on. A press does nothing meanwhile, and the button keeps the focus. */
  readonly isBusy?: boolean;
}

export function Button({ kind = "plain", isBusy = false, onClick, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`button is-${kind}${isBusy ? " is-busy" : ""}`}
      // Not disabled, because a disabled button loses the focus.
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
