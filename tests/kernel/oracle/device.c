// SPDX-License-Identifier: GPL-2.0-only
/* The device file, and the time. In Rust: device.rs. */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* In Rust: device.rs. Returns 0 and the answers in memory for kvfree(), or an error. */
int acs_quirks_oracle_answer(const u8 *asked, size_t len, u8 **answered, size_t *answered_len);

/* In synthetic/sys.c. */
void *acs_quirks_synthetic_grow(void *old, size_t used, size_t size);

/* The state of an open file. */
struct session {
	struct mutex lock;
	/* Descriptions that were written and are not answered yet, and the size of their memory. */
	u8 *asked;
	size_t asked_len, room;
	/* The answers. The file position is an index into them. */
	u8 *answered;
	size_t answered_len;
};

static int session_open(struct inode *inode, struct file *file)
{
	struct session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	mutex_init(&session->lock);
	file->private_data = session;
	return 0;
}

static int session_release(struct inode *inode, struct file *file)
{
	struct session *session = file->private_data;

	kvfree(session->asked);
	kvfree(session->answered);
	kfree(session);
	return 0;
}

/* Appends to the descriptions. */
static int ask(struct session *session, const char __user *bytes, size_t count)
{
	if (count > session->room - session->asked_len) {
		size_t room = max(2 * session->room, session->asked_len + count);
		u8 *asked = acs_quirks_synthetic_grow(session->asked, session->asked_len, room);

		if (!asked)
			return -ENOMEM;
		session->asked = asked;
		session->room = room;
	}
	if (copy_from_user(session->asked + session->asked_len, bytes, count))
		return -EFAULT;
	session->asked_len += count;
	return 0;
}

static ssize_t session_write(struct file *file, const char __user *bytes, size_t count, loff_t *position)
{
	struct session *session = file->private_data;
	int error;

	mutex_lock(&session->lock);
	/* New answers are read from the beginning. */
	*position = 0;
	session->answered_len = 0;
	error = ask(session, bytes, count);
	mutex_unlock(&session->lock);
	return error ? error : count;
}

/* Turns the descriptions into answers. */
static int answer(struct session *session)
{
	u8 *asked = session->asked, *answered;
	size_t asked_len = session->asked_len, answered_len;
	int error;

	session->asked = NULL;
	session->asked_len = 0;
	session->room = 0;
	error = acs_quirks_oracle_answer(asked, asked_len, &answered, &answered_len);
	kvfree(asked);
	if (error)
		return error;
	kvfree(session->answered);
	session->answered = answered;
	session->answered_len = answered_len;
	return 0;
}

static ssize_t session_read(struct file *file, char __user *bytes, size_t count, loff_t *position)
{
	struct session *session = file->private_data;
	ssize_t result = 0;

	mutex_lock(&session->lock);
	if (session->asked_len)
		result = answer(session);
	if (!result)
		result = simple_read_from_buffer(bytes, count, position, session->answered, session->answered_len);
	mutex_unlock(&session->lock);
	return result;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = session_open,
	.release = session_release,
	.write = session_write,
	.read = session_read,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "acs_quirks_oracle",
	.fops = &operations,
};

int acs_quirks_oracle_create(void);
int acs_quirks_oracle_create(void)
{
	return misc_register(&device);
}

void acs_quirks_oracle_remove(void);
void acs_quirks_oracle_remove(void)
{
	misc_deregister(&device);
}

u64 acs_quirks_oracle_nanoseconds(void);
u64 acs_quirks_oracle_nanoseconds(void)
{
	return ktime_get_ns();
}
