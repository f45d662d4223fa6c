import { csrfToken } from "@/api/client";

/** A form of its own, since the answer is another page. */
export function signOut(): void {
  const form = document.createElement("form");
  form.method = "post";
  form.action = "/signout";
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "csrfmiddlewaretoken";
  field.value = csrfToken();
  form.append(field);
  document.body.append(form);
  form.submit();
}
