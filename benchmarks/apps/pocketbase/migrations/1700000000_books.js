/// <reference path="../pb_data/types.d.ts" />
// Authors and books, as PocketBase's documentation declares collections: everyone reads, owners write.
migrate((app) => {
  const users = app.findCollectionByNameOrId("users");

  const authors = new Collection({
    type: "base",
    name: "authors",
    listRule: "",
    viewRule: "",
    fields: [
      { type: "text", name: "name", required: true, max: 120 },
      { type: "text", name: "country", required: true, max: 2 },
    ],
  });
  app.save(authors);

  const books = new Collection({
    type: "base",
    name: "books",
    listRule: "",
    viewRule: "",
    createRule: "@request.auth.id != '' && owner_id = @request.auth.id",
    updateRule: "owner_id = @request.auth.id",
    deleteRule: "owner_id = @request.auth.id",
    fields: [
      { type: "text", name: "title", required: true, max: 200 },
      { type: "text", name: "isbn", required: true, max: 13 },
      { type: "text", name: "genre", required: true, max: 20 },
      { type: "number", name: "pages", required: true, onlyInt: true, min: 1 },
      // PocketBase has no decimals; as a number it would lose them.
      { type: "text", name: "price", required: true, max: 11, pattern: "^[0-9]{1,8}\\.[0-9]{2}$" },
      { type: "number", name: "rating", min: 0, max: 5 },
      { type: "date", name: "published", required: true },
      { type: "relation", name: "author_id", required: true, collectionId: authors.id, maxSelect: 1 },
      {
        type: "relation", name: "owner_id", required: true, collectionId: users.id, maxSelect: 1,
        cascadeDelete: true,
      },
    ],
    indexes: [
      "CREATE UNIQUE INDEX books_isbn ON books (isbn)",
      "CREATE INDEX books_by_genre ON books (genre, published, id)",
      "CREATE INDEX books_author ON books (author_id)",
      "CREATE INDEX books_owner ON books (owner_id)",
    ],
  });
  app.save(books);

  // Who begins the users' sessions (sign_in.py).
  const superuser = new Record(app.findCollectionByNameOrId("_superusers"));
  superuser.set("email", "admin@example.org");
  superuser.set("password", "only-for-the-benchmark");
  app.save(superuser);
});
