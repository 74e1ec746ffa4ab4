"""Reading and writing posts."""

from pyframework import web

from .blog import Post
from .page import Page

LONGEST_TITLE, LONGEST_TEXT = 200, 100_000  # characters


class Index(Page):
    async def get(self) -> None:
        number = self.get_query_argument("page", "1")
        if not (number.isascii() and number.isdigit() and 0 < int(number) < 10**6):
            raise web.HTTPError(404)
        posts, more = await self.blog.posts(int(number))
        self.render("index.html", posts=posts, page=int(number), more=more)


class Feed(Page):
    """The newest posts for feed readers (RFC 4287)."""

    async def get(self) -> None:
        posts, _ = await self.blog.posts(1)
        self.set_header("Content-Type", "application/atom+xml; charset=UTF-8")
        self.render("feed.xml", posts=posts, site=f"{self.request.protocol}://{self.request.host}")


class Show(Page):
    async def get(self, id: str) -> None:
        self.render("post.html", post=await self.post_of(id))


class Edit(Page):
    @web.authenticated
    async def get(self, id: str) -> None:
        self.show(await self.draft(id))

    @web.authenticated
    async def post(self, id: str) -> None:
        post = await self.draft(id)
        post.title, post.text = self.get_body_argument("title", ""), self.get_body_argument("text", "")
        if not (0 < len(post.title) <= LONGEST_TITLE and 0 < len(post.text) <= LONGEST_TEXT):
            self.set_status(400)
            self.show(post, f"A post has a title of 1 to {LONGEST_TITLE} characters, and a text.")
            return
        if id == "new":
            post.id = await self.blog.add_post(post.author, post.title, post.text)
        else:
            await self.blog.change_post(post.id, post.title, post.text)
        self.redirect(f"/posts/{post.id}", status=303)

    async def draft(self, id: str) -> Post:
        if id == "new":
            return Post(0, self.current_user, "", "", 0)
        return own(self, await self.post_of(id))

    def show(self, post: Post, fault: str = "") -> None:
        self.render("edit.html", post=post, fault=fault, longest=(LONGEST_TITLE, LONGEST_TEXT))


class Remove(Page):
    @web.authenticated
    async def post(self, id: str) -> None:
        await self.blog.remove_post(own(self, await self.post_of(id)).id)
        self.redirect("/", status=303)


def own(page: Page, post: Post) -> Post:
    """Return a post that the user has written, or raise the error that another one has."""
    if post.author != page.current_user:
        raise web.HTTPError(403, reason="This is not your post")
    return post
