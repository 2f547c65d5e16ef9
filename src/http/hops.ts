/** The round trips of one request so far. They explain nearly all of its cost. */
export interface Hops {
  d1: number;
  coordinator: number;
}
