"""What the reference says in Chinese where the code says it in English only."""

from __future__ import annotations

SETTINGS_HELP = {
    "DATABASE_URL": "数据库地址；SQLite 的相对路径以项目目录为准。",
    "SECRET_KEY": "为游标和令牌签名的密钥。",
    "SECRET_KEY_FALLBACKS": "仍然接受的旧密钥，用逗号分隔。",
    "MEZE_ENV": "`development`（开发）或 `production`（生产）。",
    "MEZE_PUBLIC_URL": "客户端访问的地址，例如 https://api.example.com。",
    "MEZE_PREFIX": "API 所在的路径前缀。",
    "MEZE_HOST": "`meze serve` 监听的地址。",
    "PORT": "`meze serve` 监听的端口。",
    "MEZE_WORKERS": "工作进程数；开发环境为 1，生产环境为每核一个。",
    "MEZE_THREADS": "单个进程同时处理的请求数。",
    "MEZE_PAGE_SIZE": "请求未指定时，列表一页的行数。",
    "MEZE_PAGE_LIMIT": "列表一页最多的行数。",
    "MEZE_BODY_LIMIT": "请求正文的大小上限。",
    "MEZE_URI_LIMIT": "请求地址的长度上限。",
    "MEZE_HEADERS_LIMIT": "全部请求头合计的大小上限。",
    "MEZE_STATEMENT_SECONDS": "单条数据库语句的最长执行时间。",
    "MEZE_PLAN_CACHE": "每个进程缓存多少种请求形态的查询计划。",
    "MEZE_CORS_ORIGINS": "允许其页面调用 API 的源（origin），用逗号分隔。",
    "MEZE_TRUSTED_PROXIES": "可信代理的地址或网段，只采信它们发来的 X-Forwarded 头，用逗号分隔。",
    "MEZE_DOCS": "谁可以查看 /docs：public（所有人）、signed_in（已登录者）或 off（关闭）。",
}

UNITS = {"bytes": "字节", "seconds": "秒"}

COMMANDS = {
    "meze serve": "通过 HTTP 提供应用服务。",
    "meze db status": "列出数据库与模型的差异。",
    "meze db check": "数据库与模型不一致时以退出码 1 结束。供脚本使用，不写入任何内容。",
    "meze db upgrade": "补上缺少的表、列和索引，从不删除或改写已有内容。",
    "meze openapi": "输出 OpenAPI 3.1 文档，与 /openapi.json 提供的相同。",
}

OPTIONS = {
    "--app": "应用所在的文件或模块，以及其中的名称。省略时按 Flask 的方式查找。",
    "--host": "监听的地址（127.0.0.1 表示仅本机）。",
    "--port": "监听的端口（8000；0 表示任选一个空闲端口）。",
    "--workers": "工作进程数（1；生产环境为每核一个）。",
    "--dev": "文件改动后重新加载，并补上新增的表和列。",
    "--json": "输出 JSON，供程序读取。",
}
