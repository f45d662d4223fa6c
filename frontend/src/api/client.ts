import createClient, { type Middleware } from "openapi-fetch";
import { problemFrom } from "./problem";
import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

const csrf: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) request.headers.set("X-CSRFToken", csrfToken());
    return request;
  },
};

const signIn: Middleware = {
  onResponse({ response }) {
    if (response.status === 401) {
      const here = window.location.pathname + window.location.search;
      window.location.assign(`/signin?next=${encodeURIComponent(here)}`);
    }
  },
};

/** The REST API, typed by its OpenAPI document. */
export const api = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  fetch: (request) => fetch(request), // looked up at each call, not when this file loads
});
api.use(csrf, signIn);

export function csrfToken(): string {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? "";
}

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The body of a good answer; throws ProblemError for any other. */
export async function unwrap<Data>(request: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await request;
  if (!response.ok) throw problemFrom(response.status, error);
  return data as Data;
}
