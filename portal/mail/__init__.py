"""The letterbox for mail: one letter out over SMTP, or into the log. No Flask, no database, nothing of ours."""
