"""What the reference says in Chinese where the code says it in English only."""

from __future__ import annotations

SETTINGS_HELP = {
    "DATABASE_URL": "数据库地址；SQLite 的相对路径以项目目录为准。",
    "REDIS_URL": "Redis 或 Valkey 服务器；各进程借此即时互相通知谁已被登出。",
    "SECRET_KEY": "为游标和令牌签名的密钥。",
    "SECRET_KEY_FALLBACKS": "仍然接受的旧密钥，用逗号分隔。",
    "MEZE_ENV": "`development`（开发）或 `production`（生产）。",
    "MEZE_PUBLIC_URL": "客户端访问的地址，例如 https://api.example.com。",
    "MEZE_REGISTRATION": "谁可以注册账户：open（任何人）、verified（先通过邮件验证）、invite（凭邀请）或 closed（关闭）"
    "；开发环境为 open。",
    "MEZE_ACCESS_TOKEN_MINUTES": "访问令牌的有效期。",
    "MEZE_SESSION_IDLE_DAYS": "会话闲置多久后失效。",
    "MEZE_SESSION_DAYS": "会话的最长寿命。",
    "MEZE_PASSWORD_HASHING": "用 argon2id 计算密码哈希的代价，例如 m=65536,t=3,p=1（内存以 KiB 计）"
    "；未设置时测量一次。",
    "MEZE_SMTP_URL": "邮件服务器，例如 smtp://user:password@host:587；开发环境未设置时，邮件输出到终端。",
    "MEZE_MAIL_FROM": "发件人，例如 Atlas <no-reply@example.com>。",
    "MEZE_PREFIX": "API 所在的路径前缀。",
    "MEZE_HOST": "`meze serve` 监听的地址。",
    "PORT": "`meze serve` 监听的端口。",
    "MEZE_WORKERS": "工作进程数；开发环境为 1，生产环境为每核一个。",
    "MEZE_THREADS": "单个进程同时处理的请求数。",
    "MEZE_PAGE_SIZE": "请求未指定时，列表一页的行数。",
    "MEZE_PAGE_LIMIT": "列表一页最多的行数。",
    "MEZE_BODY_LIMIT": "请求正文的大小上限。",
    "MEZE_IMPORT_LIMIT": "单次导入最多的行数。",
    "MEZE_IMPORT_BODY_LIMIT": "导入请求正文的大小上限。",
    "MEZE_URI_LIMIT": "请求地址的长度上限。",
    "MEZE_HEADERS_LIMIT": "全部请求头合计的大小上限。",
    "MEZE_STATEMENT_SECONDS": "单条数据库语句的最长执行时间。",
    "MEZE_PLAN_CACHE": "每个进程缓存多少种请求形态的查询计划。",
    "MEZE_CORS_ORIGINS": "允许其页面调用 API 的源（origin），用逗号分隔。",
    "MEZE_TRUSTED_PROXIES": "可信代理的地址或网段，只采信它们发来的 X-Forwarded 头，用逗号分隔。",
    "MEZE_DOCS": "谁可以查看 /docs：public（所有人）、signed_in（已登录者）或 off（关闭）。",
}

UNITS = {"bytes": "字节", "seconds": "秒", "minutes": "分钟", "days": "天"}

COMMANDS = {
    "meze serve": "通过 HTTP 提供应用服务。",
    "meze db status": "列出数据库与模型的差异。",
    "meze db check": "数据库与模型不一致时以退出码 1 结束。供脚本使用，不写入任何内容。",
    "meze db upgrade": "补上缺少的表、列和索引，从不删除或改写已有内容。",
    "meze user create": "创建账户，其邮箱视为已验证。密码在终端输入或来自标准输入；没有密码时，会寄出设置密码的链接。",
    "meze user list": "按 id 列出账户。",
    "meze user role": "显示一个账户的角色；指定了选项时先修改。修改一秒之内在各处生效。",
    "meze user disable": "让某人在各处退出登录，并不再允许其登录。",
    "meze user enable": "让被停用的人重新可以登录。",
    "meze user sign-out": "结束某人的所有会话。API 密钥仍然有效；要一并拒绝密钥，请停用该账户。",
    "meze user reset": "给某人寄出一个设置新密码的链接。链接使用之前，旧密码仍然有效。",
    "meze user delete": "永久删除一个账户。引用它的行按外键声明的方式处理。",
    "meze user reencrypt": "用现在的 SECRET_KEY 重新加密第二因素的密钥，此后旧密钥可以移除。",
    "meze user tune-passwords": "测量在这台机器上计算密码哈希应有的开销。各人的密码在下次登录时重新计算哈希。",
    "meze token": "输出某人的访问令牌，有效期为 MEZE_ACCESS_TOKEN_MINUTES。仅供开发使用。",
    "meze access": "显示谁可以做什么：每个资源、每种操作、每类调用者。",
    "meze openapi": "输出 OpenAPI 3.1 文档，与 /openapi.json 提供的相同。",
}

OPTIONS = {
    "--app": "应用所在的文件或模块，以及其中的名称。省略时按 Flask 的方式查找。",
    "--host": "监听的地址（127.0.0.1 表示仅本机）。",
    "--port": "监听的端口（8000；0 表示任选一个空闲端口）。",
    "--workers": "工作进程数（1；生产环境为每核一个）。",
    "--dev": "文件改动后重新加载，补上新增的表和列，并显示设立首位管理员的链接。",
    "--json": "输出 JSON，供程序读取。",
    "--as": "只显示这个账户或拥有此角色的人可以做什么。",
    "--markdown": "输出 Markdown，供提交和评审。",
    "--check": "与已提交的 Markdown 比较，内容不同时失败。",
    "--name": "如何称呼这个人。",
    "--password-stdin": "从标准输入读取密码，一行。",
    "--add": "要授予的角色，可多次给出。",
    "--remove": "要收回的角色，可多次给出。",
    "--yes": "不再询问是否确定。",
    "meze user create --role": "要授予的角色，可多次给出。",
    "meze user list --role": "只列出拥有此角色的人。",
}
"""By the option's name, after that of the command where it means something else elsewhere."""
