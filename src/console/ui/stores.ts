/** Values that components share: what everything below a provider can use, and what changes outside of components. */
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

/** The provider and the hook. `what`: the value, for the error of a component that has no provider around it. */
export function contextOf<T>(what: string) {
  const context = createContext<T | null>(null);
  function useValue(): T {
    const value = useContext(context);
    if (value === null) throw new Error(`There is no ${what} around this component.`);
    return value;
  }
  return [context.Provider, useValue] as const;
}

/** A value, how it changes, and who is told. */
export function storeOf<T>(first: T) {
  const listeners = new Set<() => void>();
  let value = first;
  return {
    state: () => value,
    become(next: T) {
      value = next;
      for (const listener of [...listeners]) listener();
    },
    /** Returns a function that stops it. */
    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value of a store. The component renders again when the value changes. */
export function useStore<T>({ state, subscribe }: Omit<ReturnType<typeof storeOf<T>>, "become">): T {
  const [value, setValue] = useState(state);
  useEffect(() => {
    const update = () => setValue(state);
    // It may have changed between the first render and this effect.
    update();
    return subscribe(update);
  }, [state, subscribe]);
  return value;
}
